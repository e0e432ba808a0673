"""Choices: what a URL may ask for, by the same words and with the same limits as the command line."""

from dataclasses import dataclass, field, replace
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from fastapi import Depends, Query
from pydantic import BaseModel, Field

from config.errors import UsageError
from ingest.hours import Hour
from serving.answers.rising import SURE
from serving.dashboard.context import OnBoard
from serving.query.lenses import lens_of
from serving.query.query import Query as Views
from serving.query.time_expressions import zone
from serving.query.time_ranges import TimeResolver
from serving.views.documents import Kind, Lens

Zone = Annotated[str, Query(max_length=64, description="Time zone of local times: UTC, Europe/Paris.")]


class LensAsked(BaseModel):
    """What is counted."""

    kind: Kind = Field("hashtag", description="hashtag, bigram or trigram.")
    source: str | None = Field(None, max_length=256, description="Hashtags of the posts of one source alone.")

    @property
    def lens(self) -> Lens:
        """What is looked through. Raises `UsageError` where a kind is not kept by source."""
        return lens_of(self.kind, self.source)

    def of(self, query: Views) -> Views:
        """A query that looks so. Raises `UsageError`, as `lens` does."""
        return replace(query, lens=self.lens)


class TopAsked(LensAsked):
    """What `trends top` has as options."""

    hour: str | None = Field(None, max_length=64, description="2017-01-06T07, monday-7h, yesterday-18h, now-3h.")
    since: str | None = Field(None, max_length=64, description="All hours from this one on …")
    until: str | None = Field(None, max_length=64, description="… to this one, exclusive. Now by default.")
    last: str | None = Field(None, max_length=16, description="1h, 24h, 7d: from that hour until now.")
    n: int = Field(10, ge=1, le=1000, description="How many tags.")
    origin: Literal["batch", "speed"] | None = Field(None, description="Ask one layer alone.")


class DayAsked(LensAsked):
    """Which hours stand side by side."""

    date: str | None = Field(None, max_length=32, description="A day, first to last moment: 2017-01-06, monday.")
    last: str = Field("24h", max_length=16, description="Without a date: from the hour that long ago until now.")
    n: int = Field(10, ge=1, le=50, description="How many tags of each hour.")


class RisingAsked(LensAsked):
    """What is compared with what."""

    hour: str | None = Field(
        None, max_length=64, description="2017-01-06T07, monday-7h; this one by default, or the one before."
    )
    against: str = Field("24h", max_length=16, description="How long before it, to compare with.")
    n: int = Field(10, ge=1, le=1000, description="How many tags.")
    least: float = Field(SURE, ge=0, description="Least score.")


class HistoryAsked(LensAsked):
    """One tag and a time."""

    name: str = Field(description="The hashtag, with or without #, or the phrase, in any spelling.")
    since: str | None = Field(None, max_length=64, description="All hours from this one on …")
    until: str | None = Field(None, max_length=64, description="… to this one, exclusive. Now by default.")
    last: str | None = Field(None, max_length=16, description="From the hour that long ago until now; 7d by default.")


class ExplainAsked(BaseModel):
    """Which answer is to be explained."""

    hour: str = Field("now-1h", max_length=64, description="2017-01-06T07, monday-7h, yesterday-18h, now-3h.")


class TagAsked(BaseModel):
    """A hashtag and how much of its history; around an hour, or until now."""

    name: str = ""
    span: str = Field("7d", max_length=16)
    at: str | None = Field(None, max_length=13)


@dataclass(frozen=True)
class Choice:
    """The time zone in which somebody asks, and words about time read in it."""

    tz: ZoneInfo
    asked: TimeResolver
    notes: list[str] = field(default_factory=list)
    """What is to be said of the answer: that hours are whole."""


def choice(board: OnBoard, tz: Zone = "UTC") -> Choice:
    """Read the time zone of a request. Raises `UsageError` where there is no such zone."""
    zone_of = zone(tz.strip() or "UTC")
    notes: list[str] = []
    return Choice(zone_of, TimeResolver(board.clock(), zone_of, notes.append), notes)


Chosen = Annotated[Choice, Depends(choice)]
"""A route's way to the time zone and the words about time."""


def looking(board: OnBoard, asked: Annotated[LensAsked, Query()]) -> Views:
    """Questions about what a request names as counted. Raises `UsageError`: see `LensAsked.of`."""
    return asked.of(board.query)


Looking = Annotated[Views, Depends(looking)]
"""A page's way to the views."""


def hour_at(chosen: Choice, text: str) -> Hour:
    """An hour in a path, exactly `2017-01-06T07`, UTC. Raises `UsageError`, also where no question can be about it."""
    return chosen.asked.hour(f"{Hour.parse(text)}:00Z")


def hour_of_day(chosen: Choice, date: str, clock: int) -> Hour:
    """A day and an o'clock as a form sends them. Raises `UsageError` where they name no hour."""
    if not 0 <= clock <= 23:
        raise UsageError(f"no hour of the day: {clock}", next_step="Choose 0 to 23")
    return chosen.asked.hour(f"{date}T{clock:02d}:00")
