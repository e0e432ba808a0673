"""Provenance: where an hour's answer came from, read from the views, the ledger of runs, the archive and Kafka.

For `trends explain` and the dashboard. A server that is down hides nothing but its own part.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from config.settings import Settings
from ingest.hours import Hour, iso, millis, wall_clock
from ingest.rule.hashtags import Rule
from ingest.standings import standings
from serving.answers.explanation import (
    AnswerSource,
    ArchivedHour,
    BatchAnswer,
    Explanation,
    HourChunk,
    HourFile,
    PartitionLag,
    RuleCorrections,
    RunOfHour,
    SourceGap,
    SpeedLag,
    layer_difference,
)
from serving.query.lenses import batch_view
from serving.status.collect import gap_status, or_error
from serving.views.client import mongo_errors
from serving.views.documents import RUNS, HourDocument
from serving.views.rulebook import entries
from serving.views.store import Store

if TYPE_CHECKING:
    from batch_layer.archive.reading.ledger import Ledger


def explain_hour(settings: Settings, hour: Hour) -> Explanation:
    """Explain the answer of an hour. Raises `UnavailableError`: no MongoDB."""
    with Store(settings.mongo) as store:
        with store.snapshot() as snapshot:
            document = snapshot.batch([hour]).get(str(hour))
            uses, tags, _ = snapshot.speed_totals(hour, 0)
        run = _run(store, document["run"]) if document else None
        entry = entries(store, document["rule"]).get(document["rule"]) if document else None
    with ThreadPoolExecutor(3) as threads:
        archive = threads.submit(or_error, lambda each: _archive(each, hour, document), settings)
        speed = threads.submit(or_error, _speed, settings)
        gaps = threads.submit(or_error, lambda each: _gaps(each, hour), settings)
    return Explanation(
        hour=str(hour),
        answer=_answer(document, uses, tags),
        run=run,
        rule_text=entry and RuleCorrections(list(entry.text.ignore), dict(entry.text.aliases)),
        rule_now=Rule.from_settings(settings.rule).version,
        archive=archive.result(),
        speed=speed.result(),
        gaps=gaps.result(),
        difference=layer_difference(document.get("speed"), document) if document else None,
    )


def _answer(document: HourDocument | None, uses: int, tags: int) -> AnswerSource:
    if document is None:
        origin, state = ("speed", "live") if tags else (None, "missing")
        return AnswerSource(origin, state, uses, tags, posts=None)
    view = batch_view(document)
    return BatchAnswer(
        "batch",
        view.state,
        view.uses,
        view.tags,
        view.posts,
        rule=document["rule"],
        run=document["run"],
        computed_at=iso(millis(document["computed_at"])),
        kept=len(view.rows),
    )


def _run(store: Store, run_id: str) -> RunOfHour | None:
    """The ledger's entry of the run; the ledger drops it after some thousand others."""
    fields = {"_id": False, "kind": True, "state": True, "attempt": True, "rule": True, "started_at": True}
    with mongo_errors():
        run = store.collection(RUNS).find_one({"_id": run_id}, fields)
    return None if run is None else RunOfHour(**run | {"started_at": iso(millis(run["started_at"]))})


def _gaps(settings: Settings, hour: Hour) -> list[SourceGap]:
    """The gaps of live sources that touch the hour."""
    return [
        SourceGap(each.name, **vars(gap_status(gap)))
        for each in standings(settings.kafka)
        for gap in each.gaps
        if each.brings_posts and gap.touches(hour)
    ]


def _speed(settings: Settings) -> SpeedLag:
    from speed_layer.lag import speed_lag

    lags = speed_lag(settings)
    partitions = [PartitionLag(each.partition, each.next, each.behind) for each in lags]
    return SpeedLag(sum(each.behind for each in lags), partitions)


def _archive(settings: Settings, hour: Hour, document: HourDocument | None) -> ArchivedHour:
    from batch_layer.archive.reading.archives import Archives
    from batch_layer.archive.reading.ledger import ledger_of
    from batch_layer.archive.reading.watermark import complete_until

    ledger = ledger_of(settings)
    until = complete_until(ledger, settings.kafka, settings.archive, wall_clock())
    with Store(settings.mongo) as store:
        history = Archives(settings, store).history(ledger, wall_clock())
    seen = history.known_offsets(document) if document else {}
    chunks = [chunk for each in history.ledgers for chunk in _chunks(each, hour, seen.get(each.origin.archive, ()))]
    read = sum(chunk.posts for chunk in chunks if chunk.read)
    return ArchivedHour(
        complete=hour < until,
        complete_until=str(until),
        posts=history.posts(hour),
        read=read if document else None,
        late=sum(chunk.posts for chunk in chunks) - read if document else None,
        sent_again=read - document["posts"] if document else None,
        rejected=sum(chunk.rejected for chunk in chunks),
        files=[HourFile(part.path, part.records, part.bytes) for part in history.parts(hour)],
        chunks=chunks,
    )


def _chunks(ledger: "Ledger", hour: Hour, covered: Sequence[int]) -> list[HourChunk]:
    """The chunks with posts of the hour."""
    from batch_layer.archive.reading.log_ends import position_in

    chunks = []
    for partition, manifests in enumerate(ledger.partitions):
        upto = position_in(covered, partition)
        for manifest in manifests:
            posts = sum(part.records for part in manifest.parts if part.hour == str(hour))
            if posts:
                read = manifest.start < upto
                chunks.append(HourChunk(partition, manifest.start, manifest.next, posts, manifest.rejected, read))
    return chunks
