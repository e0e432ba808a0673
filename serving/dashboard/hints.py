"""Hints: a better request for the path of a failed one. Pure; `query.suggestions` has those of the command."""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from ingest.hours import Hour
from serving.dashboard.pages.links import Links
from serving.query.suggestions import Suggest, week_before
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
    return _over_a_week(path, name=names)


def posts(path: str, tag: str) -> Suggest:
    """A request for posts of a tag, over a week."""
    return _over_a_week(path, tag=tag)


def export(path: str) -> Suggest:
    """A request for all hours."""
    return lambda first, last, lens: _get(path, lens, since=first, until=last.plus(1))


def _over_a_week(path: str, **params: object) -> Suggest:
    def suggest(first: Hour, last: Hour, lens: Lens) -> str:
        return _get(path, lens, **params, since=week_before(first, last), until=last.plus(1))

    return suggest


def _get(path: str, lens: Lens, **params: object) -> str:
    return f"GET {Links(_UTC, lens).to(path, **params)}"
