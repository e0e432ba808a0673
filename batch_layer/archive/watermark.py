"""Watermark: until when nothing archived can still be missing, so which hours are complete.

A partition has passed the latest event time archived of it, less the allowed lateness. One that is drained and idle
holds nobody up: it has passed now, less the lateness. The slowest partition decides.
"""

from collections.abc import Iterable, Mapping
from time import monotonic

from confluent_kafka import Consumer, IsolationLevel, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from batch_layer.archive.log_ends import LogEnds
from batch_layer.archive.partitions import ASK_S, PARTITION_EOF, WAIT_S, consumer_config, partition_count, unavailable
from batch_layer.archive.positions import positions
from config.settings import ArchiveSettings, KafkaSettings
from ingest.hours import Hour, Millis
from ingest.kafka import client


def complete_until(ledger: LogEnds, kafka: KafkaSettings, archive: ArchiveSettings, now: Millis) -> Hour:
    """The first hour that is not complete; all before it are. Never later than the hour of `now` less the lateness.

    Every partition that Kafka has now takes part, also one of which nothing is archived yet. One whose log is damaged
    has passed what is known of it, and never counts as drained. Raises `UnavailableError` where Kafka does not answer.
    """
    archived = positions(kafka, ledger)
    lateness_ms = int(archive.lateness_s * 1000)
    idle = [p for p in archived if now - (ledger.last_commit(p) or 0) >= archive.idle_after_s * 1000]
    still = drained(kafka, {p: archived[p] for p in idle if p not in ledger.damage})
    return Hour.of(watermark([now if p in still else ledger.latest_event(p) for p in archived], now, lateness_ms))


def watermark(passed: Iterable[Millis | None], now: Millis, lateness_ms: int) -> Millis:
    """The moment before which nothing is missing, from what each partition has passed; None: nothing at all."""
    return max(0, min((min(moment or 0, now) for moment in passed), default=0) - lateness_ms)


def drained(kafka: KafkaSettings, positions: Mapping[int, int]) -> set[int]:
    """The partitions of `posts` in which nothing is committed from a position on, nor in a transaction on its way.

    The topic is transactional: its last offsets are markers that no reader sees. So the consumer says where the end is.
    """
    settled = _settled(kafka, positions) if positions else set()
    return _asked(kafka, {partition: positions[partition] for partition in settled}, {}) if settled else set()


def drained_until(kafka: KafkaSettings, positions: Mapping[int, int], until: Mapping[int, int]) -> set[int]:
    """The partitions of `posts` that have no committed message from a position on below an offset `until`.

    `until` is not behind the last stable offset, so what lies below it is committed or aborted.
    """
    return _asked(kafka, positions, until) if positions else set()


def _asked(kafka: KafkaSettings, positions: Mapping[int, int], until: Mapping[int, int]) -> set[int]:
    consumer = Consumer(consumer_config(kafka) | {"group.id": f"{kafka.archive_group}-watermark"}, logger=client.logger)
    try:
        consumer.assign([TopicPartition(kafka.posts, p, position) for p, position in positions.items()])
        return _at_end(consumer, set(positions), until)
    finally:
        consumer.close()


def _at_end(consumer: Consumer, asked: set[int], until: Mapping[int, int]) -> set[int]:
    """Those whose first event is their end, or a message at or behind `until`; silence is no answer."""
    found: dict[int, bool] = {}
    deadline = monotonic() + ASK_S
    while len(found) < len(asked) and monotonic() < deadline:
        for message in consumer.consume(len(asked), WAIT_S):
            partition, error = message.partition(), message.error()
            if error is None:
                found.setdefault(partition, partition in until and message.offset() >= until[partition])
            else:
                found.setdefault(partition, error.code() == PARTITION_EOF)
    return {partition for partition, at_end in found.items() if at_end}


def _settled(kafka: KafkaSettings, positions: Iterable[int]) -> set[int]:
    """The partitions without a transaction that is still open."""
    asked = list(positions)
    stable = ends(kafka, asked, IsolationLevel.READ_COMMITTED)
    last = ends(kafka, asked, IsolationLevel.READ_UNCOMMITTED)
    return {partition for partition, end in stable.items() if end == last[partition]}


def topic_ends(kafka: KafkaSettings) -> dict[int, int]:
    """Where each partition of `posts` ends, markers and open transactions included. Raises `UnavailableError`."""
    return ends(kafka, range(partition_count(kafka)), IsolationLevel.READ_UNCOMMITTED)


def ends(kafka: KafkaSettings, partitions: Iterable[int], level: IsolationLevel) -> dict[int, int]:
    """Where partitions of `posts` end, for readers of a level. Raises `UnavailableError`."""
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap, "client.id": "trends-archive"}, logger=client.logger)
    asked = {TopicPartition(kafka.posts, partition): OffsetSpec.latest() for partition in partitions}
    try:
        told = admin.list_offsets(asked, isolation_level=level, request_timeout=ASK_S)
        return {one.partition: int(future.result().offset) for one, future in told.items()}
    except KafkaException as error:
        raise unavailable(kafka, error) from None
