"""Watermark: the time before which the archive lacks no post, so which hours are complete.

A partition has passed the latest event time archived of it, less the allowed lateness. A drained and idle one holds
nobody up: it has passed now, less the lateness. The slowest partition decides.
"""

from collections.abc import Iterable

from batch_layer.archive.reading.log_ends import LogEnds
from batch_layer.archive.reading.positions import positions
from config.settings import ArchiveSettings, KafkaSettings
from ingest.hours import Hour, Millis
from ingest.kafka.reading import drained


def complete_until(ledger: LogEnds, kafka: KafkaSettings, archive: ArchiveSettings, now: Millis) -> Hour:
    """The first hour that is not complete; all before it are. Never later than the hour of `now` less the lateness.

    Every partition that Kafka has now takes part, even one of which the archive has nothing yet. One with a damaged log
    has passed its latest event before the damage, and never counts as drained. Raises `UnavailableError` where Kafka
    does not answer.
    """
    archived = positions(kafka, ledger)
    lateness_ms = int(archive.lateness_s * 1000)
    idle = [p for p in archived if now - (ledger.last_commit(p) or 0) >= archive.idle_after_s * 1000]
    still = drained(kafka, kafka.posts, {p: archived[p] for p in idle if p not in ledger.damage})
    return Hour.of(watermark([now if p in still else ledger.latest_event(p) for p in archived], now, lateness_ms))


def watermark(passed: Iterable[Millis | None], now: Millis, lateness_ms: int) -> Millis:
    """The time before which nothing is missing, from the times that the partitions have passed; None: no time yet."""
    return max(0, min((min(moment or 0, now) for moment in passed), default=0) - lateness_ms)
