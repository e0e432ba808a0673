"""Reader: the messages of one Kafka partition from an offset on. A new start is a new reader, never a seek.

So nothing that was fetched before can come after, and one partition that waits holds up no other.
"""

import logging
from typing import Any

import tenacity
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from config.errors import TrendsError, UnavailableError
from config.settings import KafkaSettings
from ingest.kafka import client
from speed_layer.fold import Message

log = logging.getLogger(__name__)

ANSWER_S = 5.0
"""Longest wait for one answer of the brokers."""
_TO_COME = frozenset({KafkaError._PARTITION_EOF, KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN})  # noqa: SLF001 - its names


class Reader:
    """Committed messages of one partition. Kafka's own consumer groups and offsets take no part."""

    def __init__(self, settings: KafkaSettings, partition: int) -> None:
        self._name = f"{settings.hashtags}/{partition}"
        self._at = TopicPartition(settings.hashtags, partition, OFFSET_BEGINNING)
        self._consumer = Consumer(consumer_config(settings), logger=client.logger)

    def start(self, offset: int) -> int:
        """Read from an offset on; where it really begins, which is later where the topic's retention was quicker.

        Raises `UnavailableError` where the brokers do not answer, and `TrendsError` where the topic ends before it.
        """
        low, high = watermarks(self._consumer, self._at)
        if offset > high:
            raise TrendsError(
                f"counted up to {offset}, and the topic ends at {high}: it was deleted and recreated",
                where=self._name,
                next_step="This Kafka gives topics no ids: empty `lanes` and `progress` while no topology runs",
            )
        if offset < low:
            log.error(
                "%s: messages %d to %d were deleted before they were counted (retention): the speed view lacks them "
                "until the batch layer has their hours",
                *(self._name, offset, low - 1),
            )
        self._at.offset = max(offset, low)
        self._consumer.assign([self._at])
        return int(self._at.offset)

    def end(self) -> int:
        """Where the partition ends, commit markers included. Raises `UnavailableError`."""
        return watermarks(self._consumer, self._at)[1]

    def read(self, most: int, wait_s: float) -> list[Message]:
        """Up to so many messages, ascending; waits that long for them. Raises `UnavailableError`."""
        try:
            found = self._consumer.consume(most, wait_s)
        except KafkaException as error:
            raise _unavailable(self._name, error.args[0]) from None
        messages = [(message.offset(), message.value()) for message in found if message.error() is None]
        for message in found if len(messages) < len(found) else ():
            if message.error() is not None and message.error().code() not in _TO_COME:
                raise _unavailable(self._name, message.error())
        return messages

    def close(self) -> None:
        """Give back its connections."""
        self._consumer.close()


def consumer_config(settings: KafkaSettings) -> dict[str, Any]:
    """A consumer that sees committed messages alone, commits nothing, and says so where an offset is gone."""
    return {
        "bootstrap.servers": settings.bootstrap,
        "group.id": "speed",  # the client demands one; nothing is committed to it
        "enable.auto.commit": False,
        "isolation.level": "read_committed",
        "auto.offset.reset": "error",
        "queued.min.messages": 50_000,
        "queued.max.messages.kbytes": 16_384,
        "fetch.wait.max.ms": 100,
        "reconnect.backoff.max.ms": 1_000,
    }


def watermarks(consumer: Consumer, at: TopicPartition) -> tuple[int, int]:
    """First offset that is there, and the end, commit markers included. Raises `UnavailableError`."""
    asked = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(KafkaException),  # a leader that was just chosen, or changes
        wait=tenacity.wait_random_exponential(multiplier=0.05, max=1),
        stop=tenacity.stop_after_delay(ANSWER_S),
        reraise=True,
    )
    try:
        low, high = asked(consumer.get_watermark_offsets, at, timeout=ANSWER_S)
    except KafkaException as error:
        raise _unavailable(f"{at.topic}/{at.partition}", error.args[0]) from None
    return int(low), int(high)


def partitions_of(settings: KafkaSettings) -> list[int]:
    """The partitions of `hashtags`, as they are. Raises `UnavailableError` where there are none."""
    admin = AdminClient({"bootstrap.servers": settings.bootstrap}, logger=client.logger)
    return partitions_known_to(admin, settings.hashtags, ANSWER_S)


def partitions_known_to(admin: AdminClient, topic: str, timeout_s: float) -> list[int]:
    """The partitions that Kafka says a topic has. Raises `UnavailableError` where there are none."""
    try:
        found = admin.list_topics(topic, timeout=timeout_s).topics[topic]
    except KafkaException as error:
        raise _unavailable(topic, error.args[0]) from None
    if found.error is not None:
        raise _unavailable(topic, found.error)
    return sorted(found.partitions)


def _unavailable(name: str, error: KafkaError) -> UnavailableError:
    return UnavailableError(
        error.str(), where=f"Kafka topic {name}", next_step="See `trends status` and `trends logs kafka`"
    )
