"""Bounds: how much one question may ask for, read and hold in memory.

A command has its process to itself; a dashboard answers several people at once, in one.
"""

from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Protocol, TypeVar

from config.errors import UsageError
from config.quantity import quantity
from ingest.hours import Hour

MOST_HOURS = 24 * 366 * 3
"""Longest range that one question may be about, hours."""
_HEAVY_HOURS = 72
"""From this length on a question is a heavy one."""


class TooMuchError(UsageError):
    """A question that names hours as it should, and more of them than one answer may be about."""


class _Ranked(Protocol):
    """Anything with ranked rows, as a view."""

    @property
    def rows(self) -> Sized:
        """The rows."""


_View = TypeVar("_View", bound=_Ranked)


@dataclass(frozen=True)
class Bounds:
    """The limits of each question."""

    hours: int = MOST_HOURS
    """Longest range."""
    rows: int | None = None
    """Maximum number of rows to read; None for no limit."""
    tags: int | None = None
    """Most different tags that a sum holds, and most rows of hours that stand side by side; None: no limit."""
    turn: Callable[[], AbstractContextManager[None]] = nullcontext
    """Where a heavy question waits for its turn."""

    def check(self, since: Hour, until: Hour, most: int = MOST_HOURS) -> None:
        """Raise `UsageError` where a range is empty, `TooMuchError` where it is longer than it may be."""
        self.check_order(since, until)
        allowed = min(most, self.hours)
        if until.serial - since.serial > allowed:
            what = f"{since} to {until} is more than {quantity(allowed, 'hour')}"
            raise TooMuchError(what, next_step="Ask for less at once")

    @staticmethod
    def check_order(since: Hour, until: Hour) -> None:
        """Raise `UsageError` where a range is empty."""
        if not since < until:
            what = f"no hour lies between {since} and {until}"
            raise UsageError(what, next_step="`since` must be before `until`", parameters=["since", "until"])

    def turn_for(self, since: Hour, until: Hour) -> AbstractContextManager[None]:
        """A turn for a heavy question; a light one needs none."""
        return self.turn() if until.serial - since.serial > _HEAVY_HOURS else nullcontext()


NO_BOUNDS = Bounds()
"""The bounds of the command line."""


def within_rows(views: Iterable[_View], most_rows: int | None) -> Iterator[_View]:
    """The same views, as long as their rows are not too many to read. Raises `UsageError`."""
    read = 0
    for view in views:
        read += len(view.rows)
        if most_rows is not None and read > most_rows:
            raise too_much(quantity(most_rows, "row"))
        yield view


def check_tags(tags: int, most: int | None) -> None:
    """Raise `UsageError` where a sum has more different tags than it may hold."""
    if most is not None and tags > most:
        raise too_much(quantity(most, "different tag"))


def too_much(what: str) -> TooMuchError:
    """The refusal of a question whose answer would need more than it may."""
    return TooMuchError(f"that needs more than {what}", next_step="Ask for fewer hours at once")
