"""Lag: how far the speed layer is behind what was produced. For `trends status`, the demo and tests.

Kafka's high watermark counts the commit markers of transactions, which no reader sees: a position may never reach it.
And progress is saved now and then only. So "nothing is left" is decided by reading on from progress to the end of the
partition, and asking of each message whether its lane has counted it.
"""

import time
from typing import NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from config.errors import BadRecordError, UnavailableError
from config.settings import Settings
from ingest.kafka import client
from ingest.kafka.topic_ids import TopicIds
from ingest.wire import decode_use
from serving.views.client import Store
from speed_layer.lane_update import hour_of_kind
from speed_layer.lanes import Counted, Lanes
from speed_layer.reader import consumer_config, partitions_of, watermarks

_AT_ONCE = 1_000


class Lag(NamedTuple):
    """One partition of `hashtags`."""

    partition: int
    next: int
    """Saved progress: below it everything is counted."""
    end: int
    """The high watermark: messages and commit markers."""
    drained: bool
    """Whether every message up to the end is counted, or parked among the rejects and passed."""

    @property
    def behind(self) -> int:
        """Offsets that are not counted, markers among them; 0 where drained."""
        return 0 if self.drained else max(0, self.end - self.next)


def speed_lag(settings: Settings, timeout_s: float = 10.0) -> list[Lag]:
    """The lag of each partition. Raises `UnavailableError` where Kafka or MongoDB do not answer."""
    with Store(settings.mongo) as store:
        lanes = Lanes(store, settings.kafka.hashtags)
        partitions = partitions_of(settings.kafka)
        topic_id = TopicIds(settings.kafka).of(settings.kafka.hashtags)
        consumer = Consumer(consumer_config(settings.kafka) | {"enable.partition.eof": True}, logger=client.logger)
        try:
            return [
                _lag(
                    consumer,
                    lanes,
                    TopicPartition(settings.kafka.hashtags, number),
                    topic_id,
                    time.monotonic() + timeout_s,
                )
                for number in partitions
            ]
        except KafkaException as error:
            raise _unanswered(settings.kafka.hashtags, error.args[0].str()) from None
        finally:
            consumer.close()


def caught_up(settings: Settings, timeout_s: float = 10.0) -> bool:
    """Whether every use that was committed before the call is counted. Exact."""
    return all(lag.drained for lag in speed_lag(settings, timeout_s))


def _lag(consumer: Consumer, lanes: Lanes, at: TopicPartition, topic_id: str, deadline: float) -> Lag:
    partition = at.partition
    low, high = watermarks(consumer, at)
    counted = lanes.read(partition, lanes.lineage(partition, topic_id, high, adopt=False))
    at.offset = max(low, counted.progress)
    if at.offset >= high:
        return Lag(partition, counted.progress, high, drained=True)
    consumer.assign([at])
    drained = _nothing_left(consumer, counted, f"{at.topic}/{partition}", deadline)
    return Lag(partition, counted.progress, high, drained)


def _nothing_left(consumer: Consumer, counted: Counted, name: str, deadline: float) -> bool:
    while time.monotonic() < deadline:
        for message in consumer.consume(_AT_ONCE, 0.05):
            if message.error() is None:
                if not _is_counted(message.offset(), message.value(), counted):
                    return False
            elif message.error().code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - its name
                return True
    raise _unanswered(name, "did not come to its end in time")


def _is_counted(offset: int, value: bytes | None, counted: Counted) -> bool:
    try:
        use = decode_use(value or b"")
        return offset < counted.ahead.get(hour_of_kind(use.hour, use.kind), 0)
    except BadRecordError:
        return False  # counts as left until progress has passed it


def _unanswered(name: str, what: str) -> UnavailableError:
    return UnavailableError(what, where=f"Kafka topic {name}", next_step="See `trends status` and `trends logs kafka`")
