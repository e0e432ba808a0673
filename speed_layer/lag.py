"""Lag: how far the speed layer is behind Kafka. For `trends status`, the demo and tests.

Kafka's high watermark counts the commit markers of transactions, which no reader sees: a position may never reach it.
And spouts save progress only now and then. So `speed_lag` reads on from progress to the end of the partition, and looks
whether the lane of each message has counted it.
"""

from contextlib import closing
from typing import NamedTuple

from confluent_kafka import Consumer

from config.errors import BadRecordError
from config.settings import KafkaSettings, Settings
from ingest.kafka.client import ANSWER_S, consumer
from ingest.kafka.offsets import offset_range, partitions_of
from ingest.kafka.reading import messages
from ingest.kafka.topic_ids import TopicIds
from ingest.wire import decode_use
from serving.views.store import Store
from speed_layer.lane_update import hour_of_kind
from speed_layer.lanes import Lanes, PartitionState
from speed_layer.reader import GROUP


class Lag(NamedTuple):
    """One partition of `hashtags`."""

    partition: int
    next: int
    """Saved progress: everything below is counted."""
    end: int
    """The high watermark: messages and commit markers."""
    drained: bool
    """Whether every message up to the end is counted or in the topic of rejects."""

    @property
    def behind(self) -> int:
        """Offsets that are not counted, markers among them; 0 if drained."""
        return 0 if self.drained else max(0, self.end - self.next)


def speed_lag(settings: Settings) -> list[Lag]:
    """The lag of each partition. Raises `UnavailableError` if Kafka or MongoDB do not answer."""
    kafka = settings.kafka
    with Store(settings.mongo) as store, closing(consumer(kafka, GROUP)) as reader:
        lanes = Lanes(store, kafka.hashtags)
        topic_id = TopicIds(kafka).of(kafka.hashtags)
        return [_lag(kafka, reader, lanes, number, topic_id) for number in partitions_of(kafka, kafka.hashtags)]


def caught_up(settings: Settings) -> bool:
    """Whether the speed layer has counted every use that a transaction committed before the call. Exact."""
    return all(lag.drained for lag in speed_lag(settings))


def _lag(kafka: KafkaSettings, reader: Consumer, lanes: Lanes, partition: int, topic_id: str) -> Lag:
    low, high = offset_range(reader, kafka, kafka.hashtags, partition)
    counted = lanes.read(partition, lanes.lineage(partition, topic_id, high, adopt=False))
    until, since = {partition: high}, {partition: max(low, counted.progress)}
    left = messages(reader, kafka, kafka.hashtags, until, since=since, timeout_s=ANSWER_S)
    drained = all(_is_counted(message.offset(), message.value(), counted) for message in left)
    return Lag(partition, counted.progress, high, drained)


def _is_counted(offset: int, value: bytes | None, counted: PartitionState) -> bool:
    try:
        use = decode_use(value or b"")
        return offset < counted.ahead.get(hour_of_kind(use.hour, use.kind), 0)
    except BadRecordError:
        return False  # left until progress passes it
