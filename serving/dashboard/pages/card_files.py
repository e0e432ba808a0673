"""Card files: the addresses of the data behind a card as CSV and JSON, and of its chart as PNG."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ingest.hours import Hour, iso
from serving.dashboard.http.downloads import file_name
from serving.dashboard.pages.links import Links
from serving.dashboard.pages.time_range import TimeRange


class CardFile(NamedTuple):
    """A file to save."""

    label: str
    address: str
    name: str


def hour_files(links: Links, question: str, hour: Hour, **params: object) -> Sequence[CardFile]:
    """The files of an answer about one hour: of `top` and `rising`."""
    name = file_name(question, str(hour))
    return _files(links, question, {"hour": iso(hour.start_ms), **params}, name, ("csv", "json"))


def day_files(links: Links, hours: TimeRange, current: Hour, chart: str) -> Sequence[CardFile]:
    """The files of a range hour by hour, with that chart."""
    name = file_name(f"day-{chart}", *map(str, hours.begun(current)))
    return _files(links, "day", {**hours.words, "chart": chart}, name, ("csv", "json", "png"))


def tag_files(links: Links, hours: TimeRange, current: Hour, names: Sequence[str]) -> Sequence[CardFile]:
    """The files of the history of one tag or several."""
    name = file_name("tag", *names, *map(str, hours.begun(current)))
    return _files(links, "tag", {"name": names, **hours.span_words(current)}, name, ("csv", "json", "png"))


def _files(
    links: Links, question: str, params: Mapping[str, object], name: str, forms: Sequence[str]
) -> Sequence[CardFile]:
    return [
        CardFile(form.upper(), links.to(f"/api/{question}", **params, format=form), f"{name}.{form}") for form in forms
    ]
