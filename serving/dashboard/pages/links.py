"""Links: URLs of our pages, which keep the reader's time zone and lens."""

from collections.abc import Sequence
from typing import NamedTuple, get_args
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

from config.terminal_text import printable
from ingest.hours import Hour
from serving.dashboard.pages.time_range import LAST_HOUR, TimeRange
from serving.views.documents import HASHTAGS, Kind, Lens


class Links:
    """URLs of our pages for one time zone and lens, below the path of a reverse proxy."""

    def __init__(self, tz: ZoneInfo, lens: Lens, root_path: str = "") -> None:
        self.tz = tz
        self._root_path = root_path
        self._params = ({} if tz.key == "UTC" else {"tz": tz.key}) | lens_params(lens)

    def to(self, path: str, **params: object) -> str:
        """A path with parameters, without those that are None; one of a list stands there several times."""
        named = [(name, each) for name, value in params.items() for each in _values(value)]
        return _address(self._root_path + path, [*named, *self._params.items()])

    def range(self, hours: TimeRange, names: Sequence[str] = ()) -> str:
        """The page of a range: of tags, if there are names, otherwise of all tags."""
        if names:
            return self.to("/tag", name=names, **hours.words)
        if hours.words == LAST_HOUR:
            return self.to("/")
        return self.hour(hours.since) if hours.hours == 1 else self.to("/day", **hours.words)

    def hour(self, hour: Hour) -> str:
        """The page of an hour."""
        return self.to(f"/hour/{quote(str(hour))}")

    def tag(self, tag: str, at: Hour | None = None) -> str:
        """The page of a tag, around an hour."""
        return self.to("/tag", name=tag, at=at)


def _values(value: object) -> list[str]:
    if isinstance(value, Sequence) and not isinstance(value, str | Hour):
        return [str(each) for each in value]
    return [] if value is None else [str(value)]


def _address(path: str, named: Sequence[tuple[str, str]]) -> str:
    return f"{path}?{urlencode(named, errors='surrogatepass')}" if named else path


def lens_params(lens: Lens) -> dict[str, str]:
    """The parameters of a lens: none for hashtags over all sources."""
    named = {"kind": lens.kind if lens.kind != "hashtag" else None, "source": lens.source}
    return {name: value for name, value in named.items() if value is not None}


class LensLink(NamedTuple):
    """A link to the same page through another lens."""

    label: str
    address: str
    """The same page through that lens."""
    is_now: bool


def lens_links(path: str, params: Sequence[tuple[str, str]], own: Lens, sources: Sequence[str]) -> list[list[LensLink]]:
    """The lenses of a page: the kinds and, of hashtags, all sources or one. `params`: those of the page's URL."""
    groups = [[(f"{kind}s".capitalize(), Lens(kind), kind == own.kind) for kind in get_args(Kind)]]
    if own.kind == "hashtag" and (sources or own.source is not None):
        names = sorted({*sources, *([own.source] if own.source is not None else [])})
        of_one = [(printable(each), Lens(source=each), each == own.source) for each in names]
        groups.append([("All sources", HASHTAGS, own.source is None), *of_one])
    return [
        [LensLink(label, _through(path, params, own, lens), is_now) for label, lens, is_now in each] for each in groups
    ]


def _through(path: str, params: Sequence[tuple[str, str]], own: Lens, lens: Lens) -> str:
    """A page through another lens, without its tags: a hashtag is no phrase."""
    dropped = {"kind", "source"} | ({"name"} if lens.kind != own.kind else set())
    return _address(path, [each for each in params if each[0] not in dropped] + list(lens_params(lens).items()))
