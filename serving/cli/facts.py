"""Facts: what runs, what is behind, what is complete, what was computed. What can't be asked says why.

For `trends status` and the dashboard. Each part is asked side by side: one server that is down hides nothing else.
"""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import Any

from config.errors import TrendsError
from config.settings import Settings
from ingest.hours import Hour, millis
from ingest.sources.states import Gap
from serving import render
from serving.cli.options import now

Facts = dict[str, Any]
_RUNS = 5
"""Runs that are shown."""
_FORGOTTEN_MS = 86_400_000
"""A live source that has told nothing for so long is left out."""


def gathered(settings: Settings) -> Facts:
    """`{"servers","sources","speed","archive","hours","runs"}`; a part that can't be asked is `{"error": why}`."""
    parts: dict[str, Callable[[Settings], Any]] = {
        "servers": _servers,
        "sources": _sources,
        "speed": _speed,
        "archive": _archive,
        "hours": _hours,
        "runs": _runs,
    }
    with ThreadPoolExecutor(len(parts)) as threads:
        asked = {name: threads.submit(tried, part, settings) for name, part in parts.items()}
    return {name: answer.result() for name, answer in asked.items()}


def tried(part: Callable[[Settings], Any], settings: Settings) -> Any:
    """A part's facts, or why there are none."""
    try:
        return part(settings)
    except TrendsError as error:
        return {"error": str(error)}


def is_wrong(part: Any) -> bool:
    """Whether a part does not answer, or has a server, service or live source that does not run."""
    if isinstance(part, list):
        wrong = any(each["state"] in ("failed", "stopped", "silent") for each in part if "memory_mb" in each)
        return wrong or any(each["state"] in ("failed", "reconnecting", "silent") for each in part if "gaps" in each)
    return isinstance(part, dict) and "error" in part


def _servers(settings: Settings) -> list[Facts]:
    from config.stack.states import asked

    return [asdict(each) for each in asked(settings)]


def _sources(settings: Settings) -> list[Facts]:
    """Live sources: how each stands, how far it is behind, and what it could not bring back."""
    from ingest.standings import standings

    moment = now()
    return [
        {
            "name": each.name,
            "state": each.stands(moment),
            "since": render.iso(each.state.since),
            "told_at": render.iso(each.state.at),
            "where": each.state.where,
            "why": each.state.why,
            "behind_s": None if each.state.newest is None else max(0, each.state.at - each.state.newest) // 1000,
            "gaps": [gap_facts(gap) for gap in each.gaps],
        }
        for each in standings(settings.kafka)
        if moment - each.state.at < _FORGOTTEN_MS
    ]


def gap_facts(gap: Gap) -> Facts:
    """A span that a source could not bring back."""
    return {"since": render.iso(gap.since), "until": render.iso(gap.until), "why": gap.why}


def _speed(settings: Settings) -> Facts:
    from serving.store import Store
    from speed_layer.lag import speed_lag
    from speed_layer.writers import writing

    lags = speed_lag(settings)
    with Store(settings.mongo) as store:
        marks = writing(store, settings.kafka.hashtags)
    writers = {lag.partition: [mark.writer for mark in marks if mark.partition == lag.partition] for lag in lags}
    return {
        "topic": settings.kafka.hashtags,
        "behind": sum(lag.behind for lag in lags),
        "writers": dict(Counter(mark.writer for mark in marks)),
        "shared_partitions": sum(len(each) > 1 for each in writers.values()),
        "partitions": [
            {"partition": lag.partition, "next": lag.next, "behind": lag.behind, "writers": writers[lag.partition]}
            for lag in lags
        ],
    }


def _archive(settings: Settings) -> Facts:
    from batch_layer.archive.lag import archive_lag
    from batch_layer.archive.upkeep import ledger_of
    from batch_layer.archive.watermark import complete_until

    ledger = ledger_of(settings)
    behind = archive_lag(settings.kafka, ledger)
    hours = ledger.hours()
    return {
        "topic": settings.kafka.posts,
        "group": settings.kafka.archive_group,
        "behind": sum(behind.values()),
        "posts": sum(ledger.posts(hour) for hour in hours),
        "hours": len(hours),
        "files": sum(len(ledger.parts(hour)) for hour in hours),
        "complete_until": str(complete_until(ledger, settings.kafka, settings.archive, now())),
        "partitions": [
            {"partition": number, "next": position, "behind": behind.get(number, 0)}
            for number, position in enumerate(ledger.covered)
        ],
    }


def _hours(settings: Settings) -> Facts:
    from serving.lenses import batch_view
    from serving.store import Store

    with Store(settings.mongo) as store:
        documents = store.batch_documents(Hour(0), Hour.parse("9999-12-31T23"))
        with store.snapshot() as snapshot:
            speed = set(snapshot.hours("speed"))
    views = [batch_view({**document, "top": []}) for document in documents]
    states = Counter(view.state for view in views)
    live = speed - {view.hour for view in views}
    rules = Counter(view.rule for view in views)
    return {
        "live": len(live),
        "provisional": states["provisional"],
        "final": states["final"],
        "newest": str(max({*live, *(view.hour for view in views)}, default="")),
        "rules": dict(rules),
    }


def _runs(settings: Settings) -> list[Facts]:
    from serving.store import Store, told
    from serving.views import RUNS

    kept = ("kind", "since", "until", "rule", "hours_done", "hours_planned", "posts", "started_at", "error")
    silent = {"$and": [{"$eq": ["$state", "running"]}, {"$lt": ["$lease_until", "$$NOW"]}]}
    wanted = dict.fromkeys(kept, True) | {"state": {"$cond": [silent, "dead", "$state"]}}
    with Store(settings.mongo) as store, told():
        runs = store.collection(RUNS).find(projection=wanted).sort("token", -1).limit(_RUNS)
        return [{**run, "started_at": render.iso(millis(run["started_at"]))} for run in runs]
