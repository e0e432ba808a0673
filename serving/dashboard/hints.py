"""Hints: a better request for the path of a failed one. Pure; `query.suggestions` has those of the command."""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from ingest.hours import Hour
from serving.dashboard.pages.links import Links
from serving.query.suggestions import Suggest
from serving.views.documents import Lens

_UTC = ZoneInfo("UTC")


def hour(path: str) -> Suggest:
    """A request for one hour."""
    return lambda _first, last, lens: _get(path, lens, hour=last)


def day(path: str) -> Suggest:
    """A request for a day."""
    return lambda _first, last, lens: _get(path, lens, date=f"{last.start:%Y-%m-%d}")


def tag(path: str, names: Sequence[str]) -> Suggest:
    """A request for tags, over a week."""

    def suggest(first: Hour, last: Hour, lens: Lens) -> str:
        return _get(path, lens, name=names, since=max(first, last.plus(-167)), until=last.plus(1))

    return suggest


def posts(path: str, tag: str) -> Suggest:
    """A request for posts of a tag, over a week."""

    def suggest(first: Hour, last: Hour, lens: Lens) -> str:
        return _get(path, lens, tag=tag, since=max(first, last.plus(-167)), until=last.plus(1))

    return suggest


def export(path: str) -> Suggest:
    """A request for all hours."""
    return lambda first, last, lens: _get(path, lens, since=first, until=last.plus(1))


def _get(path: str, lens: Lens, **params: object) -> str:
    return f"GET {Links(_UTC, lens).to(path, **params)}"
