"""Polls for tests: a feed's source, a clock that runs ahead instead of waiting, and what came of it."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from ingest.feeds.declaration.model import HttpSource
from ingest.feeds.record import Record
from ingest.feeds.sources.api import Api
from ingest.feeds.sources.credential import Credential
from ingest.feeds.sources.poll import Poll
from ingest.feeds.sources.slots import Slots
from ingest.sources.base import Batch, Cursor
from ingest.sources.live.source import LiveSource, RunOptions
from ingest.sources.selection import AllItems
from ingest.sources.status import Gap
from tests.support.sources import NOW

MINUTE_MS = 60_000


class Clock:
    """A wall clock and a steady one. Sleeping moves both; setting the wall clock moves the other not."""

    def __init__(self, ms: int = NOW) -> None:
        self.ms = ms
        self.steady_ms = 0
        self.waits: list[float] = []

    def now(self) -> int:
        return self.ms

    def steady_s(self) -> float:
        return self.steady_ms / 1000

    def go(self, ms: int) -> None:
        self.ms += ms
        self.steady_ms += ms

    async def sleep(self, seconds: float) -> None:
        self.go(round(seconds * 1000))

    async def wait(self, seconds: float) -> None:
        """Between two attempts."""
        self.waits.append(seconds)
        self.go(round(seconds * 1000))


def source(url: str, **changed: Any) -> HttpSource:
    """Stations every minute, as the feed `velib` asks for them."""
    table: dict[str, Any] = {
        "type": "http", "every": "1m", "url": url, "send": "changed", "id": "stationcode", "at": "duedate",
        "ask": {"stations": {"path": "/stations"}},
    }  # fmt: skip
    return HttpSource.model_validate(table | changed)


def weather_source(url: str, **changed: Any) -> HttpSource:
    """Weather every ten minutes, as the feed `weather` asks for it."""
    ask = {
        "current": {"path": "/weather", "query": {"q": "Paris", "units": "metric"}},
        "forecast": {"path": "/forecast", "query": {"q": "Paris"}, "optional": True},
        "air": {
            "path": "/air_pollution", "optional": True,
            "query": {"lat": "{current.coord.lat}", "lon": "{current.coord.lon}"},
        },
    }  # fmt: skip
    table: dict[str, Any] = {
        "type": "http", "every": "10m", "url": url, "send": "one", "id": "current.id", "at": "current.dt", "ask": ask,
        "secret": {"query": "appid", "env": "OPENWEATHER_API_KEY"},
    }  # fmt: skip
    return HttpSource.model_validate(table | changed)


def poll(
    declared: HttpSource, clock: Clock, polls: int | None = None, environ: Mapping[str, str] | None = None
) -> Poll:
    """The poll of a source by this clock, which ends after so many polls."""
    api = Api(declared, Credential.of(declared, environ or {}), clock.now)
    slots = Slots(declared.every, clock.now, clock.steady_s)
    return Poll("feed/test", declared, api, clock.now, most_polls=polls, slots=slots, sleep=clock.sleep)


def run(
    service: Poll, clock: Clock, *, cursor: Cursor | None = None, each: Callable[[Batch[Record]], None] = lambda _: None
) -> list[Batch[Record]]:
    """All batches of a run, a batch a poll."""
    found: list[Batch[Record]] = []
    options = RunOptions[Record](AllItems(), batch_ms=5_000, sleep=clock.wait)
    for batch in LiveSource(service, options).batches(cursor or {}, 1):
        found.append(batch)
        each(batch)
    return found


def records(batches: list[Batch[Record]]) -> list[Record]:
    return [record for batch in batches for record in batch.items]


def gaps(batches: list[Batch[Record]]) -> list[Gap]:
    return [gap for batch in batches for gap in batch.gaps]


def station(code: str, bikes: int = 3, due: str = "2027-01-15T07:59:00+00:00", **more: Any) -> dict[str, Any]:
    return {"stationcode": code, "numbikesavailable": bikes, "duedate": due, **more}


def body(*values: Any) -> bytes:
    return json.dumps(values).encode()
