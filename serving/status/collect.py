"""Collects the status for `trends status` and the dashboard: servers, lag, completeness.

It reads all parts side by side, so one server that is down hides nothing else.
"""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from config.errors import TrendsError
from config.settings import Settings
from ingest.hours import Millis, iso, millis, wall_clock
from ingest.sources.status import STOPPED, Gap
from serving.answers.explanation import Unknown
from serving.status.archive_status import archive_status
from serving.status.model import (
    AlertsStatus,
    FeedStatus,
    GapStatus,
    HoursStatus,
    RejectsStatus,
    RunStatus,
    SourceStatus,
    SpeedPartition,
    SpeedStatus,
    Status,
    TopsStatus,
)

if TYPE_CHECKING:
    from config.stack.status import ServerState
    from ingest.standings import Standing

T = TypeVar("T")
_RUNS = 5
"""Runs that the status shows."""
_STOPPED_MS = 86_400_000
"""Age from which the status drops a stopped source. It keeps one that failed or fell silent."""


def collect_status(settings: Settings) -> Status:
    """The status now; a part is `Unknown` while its server is down."""
    parts: dict[str, Callable[[Settings], Any]] = {
        "servers": _servers,
        "sources": _sources,
        "speed": speed_status,
        "archive": archive_status,
        "hours": _hours,
        "runs": _runs,
        "rejects": rejects_status,
        "feeds": feeds_status,
        "tops": tops_status,
        "alerts": alerts_status,
    }
    _import_drivers()
    with ThreadPoolExecutor(len(parts)) as threads:
        pending = {name: threads.submit(or_error, part, settings) for name, part in parts.items()}
    return Status(**{name: answer.result() for name, answer in pending.items()})


def _import_drivers() -> None:
    """Import shared packages first: threads that import one package in different orders block one another."""
    from batch_layer.scheduling import due  # noqa: F401 - imported, not used
    from speed_layer import lag  # noqa: F401


def or_error(part: Callable[[Settings], T], settings: Settings) -> T | Unknown:
    """A part of the status, or why it is unknown."""
    try:
        return part(settings)
    except TrendsError as error:
        return Unknown(str(error))


def _servers(settings: Settings) -> "list[ServerState]":
    from config.stack.status import probe_states

    return probe_states(settings)


def _sources(settings: Settings) -> list[SourceStatus]:
    from ingest.standings import STAGE, standings

    now = wall_clock()
    return [
        _source(each, now)
        for each in standings(settings.kafka)
        if not each.name.startswith(STAGE)
        if each.state.state != STOPPED or now - each.state.at < _STOPPED_MS
    ]


def _source(standing: "Standing", now: Millis) -> SourceStatus:
    state = standing.state
    return SourceStatus(
        name=standing.name,
        state=standing.state_at(now),
        since=iso(state.since),
        told_at=iso(state.at),
        where=state.where,
        why=state.why,
        last_post_at=None if state.last_post_at is None else iso(state.last_post_at),
        behind_s=None if state.newest is None else max(0, state.at - state.newest) // 1000,
        read=msgspec.to_builtins(state.tally),
        gaps=[gap_status(gap) for gap in standing.gaps],
    )


def gap_status(gap: Gap) -> GapStatus:
    """A gap with its times as ISO 8601."""
    return GapStatus(iso(gap.since), iso(gap.until), gap.why)


def speed_status(settings: Settings) -> SpeedStatus:
    """The speed layer's lag and writers. Raises `UnavailableError`."""
    from serving.views.store import Store
    from speed_layer.heartbeats import read_heartbeats
    from speed_layer.lag import speed_lag

    lags = speed_lag(settings)
    with Store(settings.mongo) as store:
        heartbeats = read_heartbeats(store, settings.kafka.hashtags)
    writers = {lag.partition: [each.writer for each in heartbeats if each.partition == lag.partition] for lag in lags}
    return SpeedStatus(
        topic=settings.kafka.hashtags,
        behind=sum(lag.behind for lag in lags),
        writers=dict(Counter(each.writer for each in heartbeats)),
        shared_partitions=sum(len(each) > 1 for each in writers.values()),
        unwritten_partitions=[partition for partition, each in writers.items() if not each],
        partitions=[SpeedPartition(lag.partition, lag.next, lag.behind, writers[lag.partition]) for lag in lags],
    )


def speed_behind(settings: Settings) -> int:
    """Uses that the speed layer has not counted yet, at most. Raises `UnavailableError`."""
    from speed_layer.lag import speed_lag

    return sum(lag.behind for lag in speed_lag(settings))


def _hours(settings: Settings) -> HoursStatus:
    from serving.views.layer_coverage import states
    from serving.views.store import Store

    with Store(settings.mongo) as store, store.snapshot() as snapshot:
        counts = states(snapshot)
    newest = "" if counts.newest is None else str(counts.newest)
    return HoursStatus(counts.live, counts.provisional, counts.final, newest, counts.rules)


def _runs(settings: Settings) -> list[RunStatus]:
    from serving.views.client import mongo_errors
    from serving.views.documents import RUNS
    from serving.views.store import Store
    from serving.views.validation import RUN, sound

    fields = ("kind", "since", "until", "rule", "hours_done", "hours_planned", "posts", "started_at", "ended_at")
    is_dead = {"$and": [{"$eq": ["$state", "running"]}, {"$lt": ["$lease_until", "$$NOW"]}]}
    projection = dict.fromkeys((*fields, "error"), True) | {"state": {"$cond": [is_dead, "dead", "$state"]}}
    with Store(settings.mongo) as store, mongo_errors():
        runs = store.collection(RUNS).find(projection=projection).sort("token", -1).limit(_RUNS)
        return [_run(run) for run in sound(runs, RUN)]


def _run(run: dict[str, Any]) -> RunStatus:
    start, end = run["started_at"], run.get("ended_at")
    times = {
        "started_at": iso(millis(start)),
        "ended_at": end and iso(millis(end)),
        "seconds": end and round((end - start).total_seconds(), 3),
    }
    return RunStatus(**{"since": None, "until": None, "error": None, **run, **times})


def feeds_status(settings: Settings) -> list[FeedStatus]:
    """The feeds with a file here whose stages have reported. Raises `UnavailableError`."""
    from ingest.feeds.declaration.catalog import Catalog
    from ingest.standings import STAGE, standings

    reported = {each.name.split("/")[1] for each in standings(settings.kafka) if each.name.startswith(STAGE)}
    there = Catalog(settings, frozenset()).names()
    return [_feed(settings, name) for name in sorted(reported.intersection(there))]


def _feed(settings: Settings, name: str) -> FeedStatus:
    from batch_layer.feeds.stage_status import stage_statuses
    from ingest.feeds.declaration.catalog import Catalog

    try:
        feed = Catalog(settings, frozenset()).feed(name, {}, lenient=True)
        return FeedStatus(name, stage_statuses(settings, feed, wall_clock()), "")
    except TrendsError as error:
        return FeedStatus(name, [], str(error))


def rejects_status(settings: Settings) -> RejectsStatus:
    """The outstanding rejects. Raises `UnavailableError`."""
    from ingest.rejects.reject import backlog

    rejects = backlog(settings.kafka)
    oldest = None if rejects.oldest_at is None else iso(rejects.oldest_at)
    return RejectsStatus(settings.kafka.rejects, rejects.outstanding, rejects.exact, oldest)


def tops_status(settings: Settings) -> TopsStatus:
    """The topic of finished hours. Raises `UnavailableError`."""
    if not settings.tops.enabled:
        return TopsStatus("", 0, None)
    from batch_layer.tops.outbox import Outbox
    from serving.views.store import Store

    with Store(settings.mongo) as store:
        pending = Outbox(store).pending()
    return TopsStatus(settings.tops.topic, pending.hours, pending.oldest)


def alerts_status(settings: Settings) -> AlertsStatus:
    """The webhooks. Raises `UnavailableError`."""
    if not settings.alerts.rules:
        return AlertsStatus(0, 0, 0, [])
    from serving.alerts.deliveries import Deliveries
    from serving.views.store import Store

    with Store(settings.mongo) as store:
        counts = Deliveries(store, settings.alerts).counts()
    return AlertsStatus(len(settings.alerts.rules), counts.pending, counts.given_up, counts.disabled)
