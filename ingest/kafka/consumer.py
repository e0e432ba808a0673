"""GroupConsumer: a member of a consumer group: which partitions it owns, where it reads them, and how it waits.

A new partition stands at its end until `seek` says where to read it from: ignore its messages before. The offsets that
the group commits to Kafka decide nothing.
"""

import logging
from collections.abc import Callable
from time import monotonic
from typing import Any

from confluent_kafka import OFFSET_END, Consumer, KafkaError, KafkaException, Message, TopicPartition

from config.settings import KafkaSettings
from ingest.kafka import client
from ingest.kafka.client import unavailable
from ingest.kafka.offsets import OffsetRange, offset_range, partitions_of

POLL_S = 0.2
"""Longest wait for messages, seconds: so soon the owner notices a stop."""
_AT_ONCE = 2_000

_log = logging.getLogger(__name__)


class GroupConsumer:
    """A member of a group that reads one topic. Used from one thread."""

    def __init__(self, settings: KafkaSettings, topic: str, group: str, lost: Callable[[int], None]) -> None:
        """The consumer calls `lost` with each partition that goes to another member, before it does."""
        self._settings = settings
        self._topic = topic
        self._lost = lost
        self.owned: set[int] = set()
        self._paused: set[int] = set()
        options = {
            "client.id": f"trends-{group}",
            "topic.metadata.refresh.interval.ms": 10_000,  # by default the group takes added partitions after 5 minutes
            "partition.assignment.strategy": "cooperative-sticky",
            "session.timeout.ms": 10_000,
            "error_cb": _log_error,
        }
        self._consumer = client.consumer(settings, group, options)

    def join(self) -> int:
        """Join the group; how many partitions the topic has. Raises as `partitions_of` does."""
        partitions = partitions_of(self._settings, self._topic, self._consumer)
        self._consumer.subscribe(
            [self._topic], on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_revoke
        )
        return len(partitions)

    def close(self) -> None:
        """Leave the group, so that other members take over at once."""
        self._consumer.close()

    def read(self, seconds: float = POLL_S) -> list[Message]:
        """The next messages and events. Assignments change only inside this call."""
        return list(self._consumer.consume(_AT_ONCE, seconds))

    def wait(self, seconds: float, take: Callable[[Message], None], stop: Callable[[], bool]) -> None:
        """Stay a member for a while without reading on: the group expels a member that does not poll for so long."""
        end = monotonic() + seconds
        self._consumer.pause(self._many(self.owned))
        try:
            while (left := end - monotonic()) > 0 and not stop():
                for message in self.read(min(left, POLL_S)):
                    take(message)
        finally:
            self._consumer.resume(self._many(self.owned - self._paused))

    def read_alone(self, partition: int | None) -> None:
        """From now on read one partition only, or all of them again."""
        paused = set() if partition is None else self.owned - {partition}
        if paused != self._paused:
            self._consumer.resume(self._many((self._paused - paused) & self.owned))
            self._consumer.pause(self._many(paused - self._paused))
            self._paused = paused

    def lag(self, partition: int, position: int) -> int:
        """How many offsets from a position on the latest fetch has seen: 0 before the first one."""
        _, high = self._consumer.get_watermark_offsets(self._one(partition), cached=True)
        return max(0, int(high) - position)

    def offsets(self, partition: int) -> OffsetRange:
        """The offsets that Kafka has now. Raises `UnavailableError`."""
        return offset_range(self._consumer, self._settings, self._topic, partition)

    def seek(self, partition: int, position: int) -> None:
        """Read a partition from an offset on. Messages of an earlier fetch do not come any more."""
        try:
            self._consumer.seek(self._one(partition, position))
        except KafkaException as error:
            raise unavailable(self._settings, f"{self._topic}/{partition}", error) from None

    def acknowledge(self, partition: int, position: int) -> None:
        """Commit an offset for tools that show the group's lag. It may not arrive."""
        try:
            self._consumer.commit(offsets=[self._one(partition, position)], asynchronous=True)
        except KafkaException as error:
            _log.info("offset %d of partition %d is not committed to Kafka: %s", position, partition, error)

    def membership(self) -> Any:
        """The group and our generation in it, for a transaction that commits offsets: a later generation refuses it."""
        return self._consumer.consumer_group_metadata()

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        ours = [self._one(p.partition, OFFSET_END) for p in partitions]
        consumer.incremental_assign(ours)
        consumer.resume(ours)  # a partition that left while it paused comes back paused
        self.owned |= {p.partition for p in partitions}
        _log.info("assigned: %s", sorted(p.partition for p in partitions))

    def _on_revoke(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        for partition in (each.partition for each in partitions):
            self.owned.discard(partition)
            self._paused.discard(partition)
            self._lost(partition)
        _log.info("revoked: %s", sorted(p.partition for p in partitions))

    def _one(self, partition: int, offset: int = -1) -> TopicPartition:
        return TopicPartition(self._topic, partition, offset)

    def _many(self, partitions: set[int]) -> list[TopicPartition]:
        return [self._one(partition) for partition in partitions]


def _log_error(error: KafkaError) -> None:
    client.logger.warning("%s: %s", error.name(), error.str())
