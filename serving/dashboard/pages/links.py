"""Links: addresses of our pages, which keep the reader's time zone and what is counted."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, get_args
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

from config.terminal_text import printable
from ingest.hours import Hour
from serving.views.documents import HASHTAGS, Kind, Lens


class Links:
    """Addresses of our pages, which keep the reader's time zone and what is counted."""

    def __init__(self, tz: ZoneInfo, lens: Lens) -> None:
        self._kept = ({} if tz.key == "UTC" else {"tz": tz.key}) | words(lens)

    def to(self, path: str, **asked: object) -> str:
        """A path with what is asked of it; what is None is left out."""
        named = {name: str(value) for name, value in asked.items() if value is not None} | self._kept
        return _address(path, named)

    def hour(self, hour: Hour) -> str:
        """The page of an hour."""
        return self.to(f"/hour/{quote(str(hour))}")

    def tag(self, tag: str, at: Hour | None = None) -> str:
        """The page of a tag, around an hour."""
        return self.to("/tag", name=tag, at=at)


def _address(path: str, named: Mapping[str, str]) -> str:
    return f"{path}?{urlencode(named, errors='surrogatepass')}" if named else path


def words(lens: Lens) -> dict[str, str]:
    """What a URL names of a lens: nothing for hashtags over all sources."""
    named = {"kind": lens.kind if lens.kind != "hashtag" else None, "source": lens.source}
    return {name: value for name, value in named.items() if value is not None}


class Offer(NamedTuple):
    """One of the things that can be counted."""

    said: str
    address: str
    """Of the page that is looked at, through that lens."""
    is_now: bool


def offers(path: str, asked: Mapping[str, str], own: Lens, sources: Sequence[str]) -> list[list[Offer]]:
    """What a page could count: the kinds and, of hashtags, all sources or one. `asked`: what the page was asked."""
    groups = [[(f"{kind}s".capitalize(), Lens(kind), kind == own.kind) for kind in get_args(Kind)]]
    if own.kind == "hashtag" and (sources or own.source is not None):
        known = sorted({*sources, *([own.source] if own.source is not None else [])})
        of_one = [(printable(each), Lens(source=each), each == own.source) for each in known]
        groups.append([("All sources", HASHTAGS, own.source is None), *of_one])
    return [[Offer(said, _through(path, asked, own, lens), is_now) for said, lens, is_now in each] for each in groups]


def _through(path: str, asked: Mapping[str, str], own: Lens, lens: Lens) -> str:
    """A page through another lens. A hashtag that was looked up is no phrase: it is left out."""
    left_out = {"kind", "source"} | ({"name"} if lens.kind != own.kind else set())
    return _address(path, {name: value for name, value in asked.items() if name not in left_out} | words(lens))
