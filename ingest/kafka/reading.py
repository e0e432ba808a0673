"""Reading a topic once, from given offsets up to where it ended: committed messages alone."""

import time
from collections.abc import Iterator, Mapping

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    IsolationLevel,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, OffsetSpec

from config.errors import TrendsError, UnavailableError
from config.settings import KafkaSettings
from ingest.kafka import client

ANSWER_S = 10
"""Longest wait for one answer of the brokers, seconds."""


def ends(settings: KafkaSettings, topic: str, *, open_too: bool = False) -> dict[int, int]:
    """The offset behind the last message of each partition; `open_too`: behind those not committed yet as well.

    Raises `UnavailableError`.
    """
    level = IsolationLevel.READ_UNCOMMITTED if open_too else IsolationLevel.READ_COMMITTED
    try:
        admin = AdminClient({"bootstrap.servers": settings.bootstrap}, logger=client.logger)
        told = admin.list_topics(topic, timeout=ANSWER_S).topics[topic]
        if told.error is not None:
            raise KafkaException(told.error)
        asked = admin.list_offsets(
            {TopicPartition(topic, number): OffsetSpec.latest() for number in told.partitions},
            isolation_level=level,
            request_timeout=ANSWER_S,
        )
        return {partition.partition: int(answer.result().offset) for partition, answer in asked.items()}
    except KafkaException as error:
        raise unreadable(settings, topic, error.args[0].str()) from None


def consumer_of(settings: KafkaSettings, group: str) -> Consumer:
    """A consumer that is told its partitions, and commits nothing by itself."""
    return Consumer(
        {
            "bootstrap.servers": settings.bootstrap,
            "group.id": group,
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
            "fetch.wait.max.ms": 10,
        },
        logger=client.logger,
    )


def messages(  # noqa: PLR0913 - what to read, and how far
    consumer: Consumer,
    settings: KafkaSettings,
    topic: str,
    until: Mapping[int, int],
    *,
    since: Mapping[int, int] | None = None,
    timeout_s: float = 60,
) -> Iterator[Message]:
    """The committed messages of each partition below `until`, from `since` on (default: all that are kept).

    A transaction that is open below `until` is waited for. Raises `UnavailableError` where `timeout_s` passes without
    any news.
    """
    begins = {number: (since or {}).get(number, OFFSET_BEGINNING) for number in until}
    left = {number for number, end in until.items() if max(begins[number], 0) < end}
    if not left:
        return
    consumer.assign([TopicPartition(topic, number, begins[number]) for number in sorted(left)])
    deadline = time.monotonic() + timeout_s
    while left:
        message = consumer.poll(0.5)
        if message is None:
            if time.monotonic() > deadline:
                raise unreadable(settings, topic, "a transaction is open, or the broker is silent")
            continue
        number, offset = _place(message, settings, topic)
        if message.error() is None and offset < until[number]:
            deadline = time.monotonic() + timeout_s
            yield message
            offset += 1
        if offset >= until[number]:
            left.discard(number)


def _place(message: Message, settings: KafkaSettings, topic: str) -> tuple[int, int]:
    """Partition and offset of a message, or of the end that was reached."""
    error = message.error()
    if error is not None and error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001 - its public name
        raise unreadable(settings, topic, error.str())
    return int(message.partition()), int(message.offset())


def unreadable(settings: KafkaSettings, topic: str, why: str) -> TrendsError:
    """What is raised where a topic can't be read."""
    return UnavailableError(
        f"can't be read: {why}",
        where=f"topic {topic} of Kafka at {settings.bootstrap}",
        next_step="`trends up` makes the topics; `trends status` shows whether the broker is well",
    )
