"""Facts: what runs, what is behind, what is complete, what was computed. What can't be asked says why.

For `trends status` and the dashboard. Each part is asked side by side: one server that is down hides nothing else.
"""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import Any

import msgspec

from config.errors import TrendsError
from config.settings import Settings
from ingest.hours import iso, millis
from ingest.sources.status import STOPPED, Gap
from serving.cli.options import now
from serving.status.archive_status import archive_facts

Facts = dict[str, Any]
_RUNS = 5
"""Runs that are shown."""
_STOPPED_MS = 86_400_000
"""A live source that was stopped so long ago is left out. One that failed or fell silent is told until it is mended."""


def gathered(settings: Settings) -> Facts:
    """`{"servers","sources","speed","archive","hours","runs","rejects"}`; what can't be asked is `{"error": why}`."""
    parts: dict[str, Callable[[Settings], Any]] = {
        "servers": _servers,
        "sources": _sources,
        "speed": _speed,
        "archive": archive_facts,
        "hours": _hours,
        "runs": _runs,
        "rejects": _rejects,
    }
    _import_drivers()
    with ThreadPoolExecutor(len(parts)) as threads:
        asked = {name: threads.submit(tried, part, settings) for name, part in parts.items()}
    return {name: answer.result() for name, answer in asked.items()}


def _import_drivers() -> None:
    """Import what several parts need. Threads that import one package, each in its own order, block one another."""
    from batch_layer import due  # noqa: F401 - imported, not used
    from speed_layer import lag  # noqa: F401


def tried(part: Callable[[Settings], Any], settings: Settings) -> Any:
    """A part's facts, or why there are none."""
    try:
        return part(settings)
    except TrendsError as error:
        return {"error": str(error)}


def _servers(settings: Settings) -> list[Facts]:
    from config.stack.status import asked

    return [asdict(each) for each in asked(settings)]


def _sources(settings: Settings) -> list[Facts]:
    """Live sources: how each stands, what it has read, how far it is behind, and what it could not bring back."""
    from ingest.standings import standings

    moment = now()
    return [
        {
            "name": each.name,
            "state": each.stands(moment),
            "since": iso(each.state.since),
            "told_at": iso(each.state.at),
            "where": each.state.where,
            "why": each.state.why,
            "last_post_at": None if each.state.last_post_at is None else iso(each.state.last_post_at),
            "behind_s": None if each.state.newest is None else max(0, each.state.at - each.state.newest) // 1000,
            "read": msgspec.to_builtins(each.state.tally),
            "gaps": [gap_facts(gap) for gap in each.gaps],
        }
        for each in standings(settings.kafka)
        if each.state.state != STOPPED or moment - each.state.at < _STOPPED_MS
    ]


def gap_facts(gap: Gap) -> Facts:
    """A span that a source could not bring back."""
    return {"since": iso(gap.since), "until": iso(gap.until), "why": gap.why}


def _speed(settings: Settings) -> Facts:
    from serving.views.client import Store
    from speed_layer.heartbeats import writing
    from speed_layer.lag import speed_lag

    lags = speed_lag(settings)
    with Store(settings.mongo) as store:
        marks = writing(store, settings.kafka.hashtags)
    writers = {lag.partition: [mark.writer for mark in marks if mark.partition == lag.partition] for lag in lags}
    return {
        "topic": settings.kafka.hashtags,
        "behind": sum(lag.behind for lag in lags),
        "writers": dict(Counter(mark.writer for mark in marks)),
        "shared_partitions": sum(len(each) > 1 for each in writers.values()),
        "unwritten_partitions": [partition for partition, each in writers.items() if not each],
        "partitions": [
            {"partition": lag.partition, "next": lag.next, "behind": lag.behind, "writers": writers[lag.partition]}
            for lag in lags
        ],
    }


def _hours(settings: Settings) -> Facts:
    from serving.views.client import Store
    from serving.views.layer_coverage import states

    with Store(settings.mongo) as store, store.snapshot() as snapshot:
        counted = states(snapshot)
    return {
        "live": counted.live,
        "provisional": counted.provisional,
        "final": counted.final,
        "newest": "" if counted.newest is None else str(counted.newest),
        "rules": counted.rules,
    }


def _runs(settings: Settings) -> list[Facts]:
    from serving.views.client import Store, mongo_errors
    from serving.views.documents import RUNS
    from serving.views.validation import RUN, sound

    kept = ("kind", "since", "until", "rule", "hours_done", "hours_planned", "posts", "started_at", "ended_at", "error")
    silent = {"$and": [{"$eq": ["$state", "running"]}, {"$lt": ["$lease_until", "$$NOW"]}]}
    wanted = dict.fromkeys(kept, True) | {"state": {"$cond": [silent, "dead", "$state"]}}
    with Store(settings.mongo) as store, mongo_errors():
        runs = store.collection(RUNS).find(projection=wanted).sort("token", -1).limit(_RUNS)
        return [run | _times(run) for run in sound(runs, RUN)]


def _times(run: Facts) -> Facts:
    """When a run began, when it ended, and how long it took; None where it has not ended by itself."""
    began, ended = run["started_at"], run["ended_at"]
    return {
        "started_at": iso(millis(began)),
        "ended_at": ended and iso(millis(ended)),
        "seconds": ended and round((ended - began).total_seconds(), 3),
    }


def _rejects(settings: Settings) -> Facts:
    from ingest.rejects.reject import waiting

    found = waiting(settings.kafka)
    return {
        "topic": settings.kafka.rejects,
        "outstanding": found.outstanding,
        "exact": found.exact,
        "oldest": None if found.oldest_at is None else iso(found.oldest_at),
    }
