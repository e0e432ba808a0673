"""PostsConsumer: the archiver's place in its consumer group: what it owns, where it reads, and how it waits.

The partitions of a new assignment are read from where the manifests end, never from Kafka's committed offset. Until
that is known a partition stands at its end, and what it gives is left alone.
"""

import logging
from collections.abc import Callable
from time import monotonic
from typing import Any

from confluent_kafka import OFFSET_END, Consumer, KafkaError, KafkaException, Message, TopicPartition
from confluent_kafka.admin import AdminClient

from batch_layer.archive.identity import NEW_ROOT
from config.errors import TrendsError, UnavailableError
from config.settings import KafkaSettings
from ingest.kafka import client as kafka_log
from ingest.kafka.topic_ids import OtherTopicError

ASK_S = 10.0
"""Longest wait for one answer of a broker."""
WAIT_S = 0.2
"""Longest wait for messages: how soon a stop is noticed."""
BATCH = 2_000

PARTITION_EOF: int = KafkaError._PARTITION_EOF  # noqa: SLF001 - the driver's names of its own codes begin so
OUT_OF_RANGE: int = KafkaError._AUTO_OFFSET_RESET  # noqa: SLF001
UNKNOWN_TOPIC: int = KafkaError._UNKNOWN_TOPIC  # noqa: SLF001

_log = logging.getLogger(__name__)


class PostsConsumer:
    """A member of the archive's consumer group. Used from one thread."""

    def __init__(self, settings: KafkaSettings, lost: Callable[[int], None]) -> None:
        """`lost` is told of each partition that goes to somebody else, before it does."""
        self._settings = settings
        self._lost = lost
        self.owned: set[int] = set()
        self._paused: set[int] = set()
        self._consumer = Consumer(
            consumer_config(settings) | {"group.id": settings.archive_group}, logger=kafka_log.logger
        )

    def join(self) -> int:
        """Join the group, and tell how many partitions there are. Raises where there are no brokers or no topic."""
        partitions = partitions_of(self._consumer, self._settings)
        self._consumer.subscribe(
            [self._settings.posts], on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_revoke
        )
        return partitions

    def close(self) -> None:
        """Leave the group, so that others take over at once."""
        self._consumer.close()

    def read(self, seconds: float = WAIT_S) -> list[Message]:
        """What came, at most `BATCH` messages and events. Assignments change while this is called."""
        return list(self._consumer.consume(BATCH, seconds))

    def wait(self, seconds: float, take: Callable[[Message], None], stop: Callable[[], bool]) -> None:
        """Keep the membership for a while without reading on: a member that does not ask for so long is put out."""
        end = monotonic() + seconds
        self._consumer.pause(self._many(self.owned))
        try:
            while (left := end - monotonic()) > 0 and not stop():
                for message in self.read(min(left, WAIT_S)):
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
        """How many offsets from a position on Kafka was last seen to have: 0 where nothing was seen yet."""
        _, high = self._consumer.get_watermark_offsets(self._one(partition), cached=True)
        return max(0, int(high) - position)

    def low(self, partition: int, position: int) -> int:
        """The first offset that Kafka still has. Raises where the position is not of this topic at all."""
        try:
            low, high = self._consumer.get_watermark_offsets(self._one(partition), ASK_S)
        except KafkaException as error:
            raise unavailable(self._settings, error) from None
        if position > high:
            raise OtherTopicError(
                f"the archive ends at offset {position} and the topic already at {high}: it was deleted and recreated",
                where=f"{self._settings.posts}/{partition}",
                next_step=NEW_ROOT,
            )
        return int(low)

    def seek(self, partition: int, position: int) -> None:
        """Read a partition from an offset on. What was fetched before is not seen again."""
        try:
            self._consumer.seek(self._one(partition, position))
        except KafkaException as error:
            raise unavailable(self._settings, error) from None

    def acknowledge(self, partition: int, position: int) -> None:
        """Commit an offset, for whoever looks at lag. That it arrives is not promised."""
        try:
            self._consumer.commit(offsets=[self._one(partition, position)], asynchronous=True)
        except KafkaException as error:
            _log.info("offset %d of partition %d is not committed to Kafka: %s", position, partition, error)

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        ours = [self._one(p.partition, OFFSET_END) for p in partitions]
        consumer.incremental_assign(ours)
        consumer.resume(ours)  # a partition that was taken away while it was paused comes back as it went
        self.owned |= {p.partition for p in partitions}
        _log.info("assigned: %s", sorted(p.partition for p in partitions))

    def _on_revoke(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        for gone in partitions:
            self.owned.discard(gone.partition)
            self._paused.discard(gone.partition)
            self._lost(gone.partition)
        _log.info("revoked: %s", sorted(p.partition for p in partitions))

    def _one(self, partition: int, offset: int = -1) -> TopicPartition:
        return TopicPartition(self._settings.posts, partition, offset)

    def _many(self, partitions: set[int]) -> list[TopicPartition]:
        return [self._one(partition) for partition in partitions]


def consumer_config(settings: KafkaSettings) -> dict[str, Any]:
    """What every reader of `posts` in the archive asks for: committed messages, its end, and no silent leap."""
    return {
        "bootstrap.servers": settings.bootstrap,
        "client.id": "trends-archive",
        "isolation.level": "read_committed",
        "enable.partition.eof": True,
        "auto.offset.reset": "error",
        "enable.auto.commit": False,
        "topic.metadata.refresh.interval.ms": 10_000,  # by default the group takes added partitions after 5 minutes
        "partition.assignment.strategy": "cooperative-sticky",
        "session.timeout.ms": 10_000,
        "fetch.wait.max.ms": 100,  # an answer to anything else waits behind a fetch that waits for messages
        "error_cb": _told,
    }


def partition_count(settings: KafkaSettings) -> int:
    """How many partitions `posts` has now. Raises where there are no brokers or there is no topic."""
    admin = AdminClient(
        {"bootstrap.servers": settings.bootstrap, "client.id": "trends-archive"}, logger=kafka_log.logger
    )
    return partitions_of(admin, settings)


def partitions_of(client: Any, settings: KafkaSettings) -> int:
    """How many partitions `posts` has. Raises where there are no brokers or there is no topic."""
    try:
        topic = client.list_topics(settings.posts, timeout=ASK_S).topics[settings.posts]
    except KafkaException as error:
        raise unavailable(settings, error) from None
    if topic.error is not None:
        raise TrendsError(
            topic.error.str(),
            where=f"{settings.bootstrap} {settings.posts}",
            next_step="`trends up` creates the topics",
        )
    return len(topic.partitions)


def unavailable(settings: KafkaSettings, error: KafkaException) -> UnavailableError:
    """What a broker said, as an error of ours."""
    told = error.args[0].str() if error.args and isinstance(error.args[0], KafkaError) else str(error)
    return UnavailableError(
        f"Kafka did not do it: {told}", where=settings.bootstrap, next_step="`trends up kafka` starts it here"
    )


def _told(error: KafkaError) -> None:
    kafka_log.logger.warning("%s: %s", error.name(), error.str())
