"""Parameters of URLs, with the names and limits of the command line's options."""

from dataclasses import dataclass, field, replace
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from fastapi import Depends, Query
from pydantic import BaseModel, Field

from config.errors import UsageError, of_parameter
from ingest.hours import Hour
from serving.answers.rising import SURE
from serving.answers.scores import By
from serving.dashboard.context import ContextDep
from serving.dashboard.pages import time_range
from serving.dashboard.pages.time_range import TimeRange
from serving.query.lenses import lens_of, order_of
from serving.query.query import Query as Views
from serving.query.time_expressions import parse_day, zone
from serving.query.time_ranges import TimeResolver
from serving.render.row_files import Format
from serving.views.documents import Kind, Lens

Listed = Literal["json", "csv"]
Drawn = Literal["json", "csv", "png"]
"""Forms of an answer."""
Zone = Annotated[str, Query(max_length=64, description="Time zone of local times: UTC, Europe/Paris.")]

LogName = Annotated[
    str, Query(max_length=64, description="A log: kafka, archiver, topology. Without it: which there are.")
]
LogLines = Annotated[int, Query(ge=1, le=1000, description="How many lines, from the end.")]

Since = Annotated[str | None, Field(max_length=64, description="All hours from this one on …")]
Until = Annotated[str | None, Field(max_length=64, description="… to this one, exclusive. Now by default.")]


class LensParams(BaseModel):
    """The kind that a view counts, and the source."""

    kind: Kind = Field("hashtag", description="hashtag, bigram or trigram.")
    source: str | None = Field(None, max_length=256, description="Hashtags of the posts of one source alone.")

    @property
    def lens(self) -> Lens:
        """The lens. Raises `UsageError` for a kind that the views do not count by source."""
        return lens_of(self.kind, self.source)

    def of(self, query: Views) -> Views:
        """A query through that lens, in its usual order. Raises `UsageError`, as `lens` does."""
        return replace(query, lens=self.lens, by=order_of(self.lens))


class TopParams(LensParams):
    """The options of `trends top`."""

    hour: str | None = Field(None, max_length=64, description="2017-01-06T07, monday-7h, yesterday-18h, now-3h.")
    since: Since = None
    until: Until = None
    last: str | None = Field(None, max_length=16, description="1h, 24h, 7d: from that hour until now.")
    n: int = Field(10, ge=1, le=1000, description="How many tags.")
    origin: Literal["batch", "speed"] | None = Field(None, description="Ask one layer alone.")
    format: Listed = Field("json", description="json or csv.")
    by: By | None = Field(None, description="Order of rows: count, or surprise, the default of phrases.")


class ExportParams(LensParams):
    """The options of `trends export`."""

    since: Since = None
    until: Until = None
    last: str | None = Field(None, max_length=16, description="1h, 24h, 7d: from that hour until now.")
    n: int = Field(0, ge=0, description="How many tags of each hour; 0: all that are kept.")
    format: Format = Field("csv", description="parquet, csv, or json: an object a line.")


class DayParams(LensParams):
    """The options of `trends day`."""

    date: str | None = Field(None, max_length=32, description="A day, first to last moment: 2017-01-06, monday.")
    last: str | None = Field(None, max_length=16, description="From the hour that long ago until now; 24h by default.")
    since: Since = None
    until: Until = None
    n: int = Field(10, ge=1, le=50, description="How many tags of each hour.")
    format: Drawn = Field("json", description="json, csv, or png: a chart.")
    chart: Literal["bump", "heat"] = Field("bump", description="Chart of png: ranks or uses.")


class RisingParams(LensParams):
    """The options of `trends rising`."""

    hour: str | None = Field(
        None, max_length=64, description="2017-01-06T07, monday-7h; this one by default, or the one before."
    )
    against: str = Field("24h", max_length=16, description="How long before it, to compare with.")
    n: int = Field(10, ge=1, le=1000, description="How many tags.")
    least: float = Field(SURE, ge=0, description="Least score.")
    format: Listed = Field("json", description="json or csv.")


class HistoryParams(LensParams):
    """The options of `trends tag`."""

    name: list[str] = Field(
        description="The hashtag, with or without #, or the phrase, in any spelling. Two to five of them are compared."
    )
    since: Since = None
    until: Until = None
    last: str | None = Field(None, max_length=16, description="From the hour that long ago until now; 7d by default.")
    format: Drawn = Field("json", description="json, csv, or png: a chart.")


class ExplainParams(BaseModel):
    """The argument of `trends explain`."""

    hour: str = Field("now-1h", max_length=64, description="2017-01-06T07, monday-7h, yesterday-18h, now-3h.")


class RangeParams(BaseModel):
    """The time range of a page: one of `last`, `date`, and `since` with `until`."""

    last: str | None = Field(None, max_length=16)
    date: str | None = Field(None, max_length=32)
    since: str | None = Field(None, max_length=64)
    until: str | None = Field(None, max_length=64)

    def of(self, time: "RequestTime", default: str) -> TimeRange:
        """The range, `last=default` without any of its words. Raises `UsageError`."""
        words = [name for name in ("last", "date", "since") if getattr(self, name)]
        if len(words) > 1:
            what = f"{' and '.join(f'`{word}`' for word in words)} exclude each other"
            raise UsageError(what, next_step="Keep one of them", parameters=words)
        if self.date:
            with of_parameter("date"):
                return time_range.of_day(parse_day(self.date, time.resolver.now, time.tz), time.tz)
        if self.since or self.until:
            hours = time.resolver.range(self.since or None, self.until or None, None)
            return time_range.of_range(*hours, time.tz)
        with of_parameter("last" if self.last else "span"):
            return time_range.of_last(self.last or default, Hour.of(time.resolver.now), time.tz)


class TagParams(RangeParams):
    """The parameters of a tag's page: names, and a range, or a span around an hour."""

    name: list[str] = Field(default_factory=list)
    span: str = Field("7d", max_length=16)
    at: str | None = Field(None, max_length=13)


@dataclass(frozen=True)
class RequestTime:
    """The time zone of a request, and a resolver of time expressions in it."""

    tz: ZoneInfo
    resolver: TimeResolver
    notes: list[str] = field(default_factory=list)
    """Notes for the page, for example that hours are whole."""


def request_time(context: ContextDep, tz: Zone = "UTC") -> RequestTime:
    """Read the time zone of a request. Raises `UsageError` for an unknown zone."""
    zone_of = zone(tz.strip() or "UTC")
    notes: list[str] = []
    return RequestTime(zone_of, TimeResolver(context.clock(), zone_of, notes.append), notes)


RequestTimeDep = Annotated[RequestTime, Depends(request_time)]
"""The time of a request as the parameter of a route."""


def request_views(context: ContextDep, params: Annotated[LensParams, Query()]) -> Views:
    """A query through the lens of a request. Raises `UsageError`: see `LensParams.of`."""
    return params.of(context.query)


ViewsDep = Annotated[Views, Depends(request_views)]
"""The query as the parameter of a route."""


def hour_at(time: RequestTime, text: str) -> Hour:
    """The hour of a path, exactly `2017-01-06T07`, UTC. Raises `UsageError`, also for an hour outside all ranges."""
    return time.resolver.hour(f"{Hour.parse(text)}:00Z")
