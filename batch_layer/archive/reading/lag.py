"""Lag: how far the archive is behind Kafka, from the manifests rather than from the group's committed offsets."""

from batch_layer.archive.reading.log_ends import LogEnds
from batch_layer.archive.reading.positions import positions
from config.settings import KafkaSettings
from ingest.kafka.offsets import ends
from ingest.kafka.reading import drained


def archive_lag(kafka: KafkaSettings, ledger: LogEnds) -> dict[int, int]:
    """An upper bound of the committed messages that the archive lacks, for each partition of Kafka now: 0 is exact.

    The figure counts the markers of transactions among them, which no reader sees. Raises `UnavailableError`.
    """
    archived = positions(kafka, ledger)
    behind = {p: end - archived[p] for p, end in ends(kafka, kafka.posts, archived).items()}
    still = drained(kafka, kafka.posts, {p: archived[p] for p, count in behind.items() if count > 0})
    return {p: 0 if p in still else max(0, count) for p, count in sorted(behind.items())}
