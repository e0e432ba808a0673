"""Hints: what to ask of the API instead, by the path that was asked. Pure; `query.suggestions` has the commands'."""

from zoneinfo import ZoneInfo

from ingest.hours import Hour
from serving.dashboard.pages.links import Links
from serving.query.suggestions import Suggest
from serving.views.documents import Lens

_UTC = ZoneInfo("UTC")


def hour(path: str) -> Suggest:
    """A question about one hour."""
    return lambda _first, last, lens: _get(path, lens, hour=last)


def day(path: str) -> Suggest:
    """A question about a day."""
    return lambda _first, last, lens: _get(path, lens, date=f"{last.start:%Y-%m-%d}")


def tag(path: str, name: str) -> Suggest:
    """A question about a tag, over a week."""

    def suggest(first: Hour, last: Hour, lens: Lens) -> str:
        return _get(path, lens, name=name, since=max(first, last.plus(-167)), until=last.plus(1))

    return suggest


def _get(path: str, lens: Lens, **asked: object) -> str:
    return f"GET {Links(_UTC, lens).to(path, **asked)}"
