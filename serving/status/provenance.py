"""Provenance: the facts of where an hour's answer came from: views, ledger of runs, archive, lag.

For `answers.explanation`, so for `trends explain` and the dashboard. What can't be asked says why, and hides nothing
else.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from config.settings import Settings
from ingest.hours import Hour, iso, millis
from ingest.rule.hashtags import Rule
from ingest.standings import standings
from serving.answers.explanation import difference
from serving.cli.options import now
from serving.query.lenses import batch_view
from serving.status.collect import Facts, gap_facts, tried
from serving.views.client import Store, mongo_errors
from serving.views.documents import RUNS, HourDocument
from serving.views.rulebook import entries

if TYPE_CHECKING:
    from batch_layer.archive.ledger import Ledger


def explained(settings: Settings, hour: Hour) -> Facts:
    """`{"hour","answer","run","rule_text","rule_now","archive","speed","gaps","difference"}`.

    Raises `UnavailableError`: no MongoDB.
    """
    with Store(settings.mongo) as store:
        with store.snapshot() as snapshot:
            document = snapshot.batch([hour]).get(str(hour))
            uses, tags, _ = snapshot.speed_totals(hour, 0)
        run = _run(store, document["run"]) if document else None
        entry = entries(store, document["rule"]).get(document["rule"]) if document else None
    with ThreadPoolExecutor(3) as threads:
        archive = threads.submit(tried, lambda each: _archive(each, hour, document), settings)
        speed = threads.submit(tried, _speed, settings)
        gaps = threads.submit(tried, lambda each: _gaps(each, hour), settings)
    return {
        "hour": str(hour),
        "answer": _answer(document, uses, tags),
        "run": run,
        "rule_text": entry and {"ignore": list(entry.text.ignore), "aliases": dict(entry.text.aliases)},
        "rule_now": Rule.with_corrections(settings.rule.ignore, settings.rule.aliases).version,
        "archive": archive.result(),
        "speed": speed.result(),
        "gaps": gaps.result(),
        "difference": difference(document.get("speed"), document) if document else None,
    }


def _answer(document: HourDocument | None, uses: int, tags: int) -> Facts:
    if document is None:
        origin, state = ("speed", "live") if tags else (None, "missing")
        return {"origin": origin, "state": state, "uses": uses, "tags": tags, "posts": None}
    view = batch_view(document)
    return {
        "origin": "batch",
        "state": view.state,
        "uses": view.uses,
        "tags": view.tags,
        "posts": view.posts,
        "rule": view.rule,
        "run": document["run"],
        "computed_at": iso(millis(document["computed_at"])),
        "kept": len(view.rows),
    }


def _run(store: Store, run_id: str) -> Facts | None:
    """The ledger's entry of the run, which it forgets after some thousand others."""
    wanted = {"_id": False, "kind": True, "state": True, "attempt": True, "rule": True, "started_at": True}
    with mongo_errors():
        run = store.collection(RUNS).find_one({"_id": run_id}, wanted)
    return run and {**run, "started_at": iso(millis(run["started_at"]))}


def _gaps(settings: Settings, hour: Hour) -> list[Facts]:
    """What live sources could not bring back of the time of the hour."""
    return [
        {"source": each.name, **gap_facts(gap)}
        for each in standings(settings.kafka)
        for gap in each.gaps
        if gap.touches(hour)
    ]


def _speed(settings: Settings) -> Facts:
    from speed_layer.lag import speed_lag

    lags = speed_lag(settings)
    partitions = [{"partition": each.partition, "next": each.next, "behind": each.behind} for each in lags]
    return {"behind": sum(each.behind for each in lags), "partitions": partitions}


def _archive(settings: Settings, hour: Hour, document: HourDocument | None) -> Facts:
    from batch_layer.archive.earlier import Archives
    from batch_layer.archive.upkeep import ledger_of
    from batch_layer.archive.watermark import complete_until

    ledger = ledger_of(settings)
    until = complete_until(ledger, settings.kafka, settings.archive, now())
    with Store(settings.mongo) as store:
        history = Archives(settings, store).history(ledger, now())
    seen = history.seen(document) if document else {}
    chunks = [chunk for each in history.ledgers for chunk in _chunks(each, hour, seen.get(each.origin.archive, ()))]
    read = sum(chunk["posts"] for chunk in chunks if chunk["read"])
    return {
        "complete": hour < until,
        "complete_until": str(until),
        "posts": history.posts(hour),
        "read": read if document else None,
        "late": sum(chunk["posts"] for chunk in chunks) - read if document else None,
        "sent_again": read - document["posts"] if document else None,
        "rejected": sum(chunk["rejected"] for chunk in chunks),
        "files": [{"path": part.path, "posts": part.records, "bytes": part.bytes} for part in history.parts(hour)],
        "chunks": chunks,
    }


def _chunks(ledger: "Ledger", hour: Hour, covered: Sequence[int]) -> list[Facts]:
    """The chunks that have posts of the hour; `read`: archived when the document's run looked."""
    found = []
    for partition, manifests in enumerate(ledger.partitions):
        upto = covered[partition] if partition < len(covered) else 0
        for manifest in manifests:
            posts = sum(part.records for part in manifest.parts if part.hour == str(hour))
            if posts:
                place = {"partition": partition, "start": manifest.start, "next": manifest.next}
                found.append(place | {"posts": posts, "rejected": manifest.rejected, "read": manifest.start < upto})
    return found
