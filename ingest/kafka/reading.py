"""Bounded reads: the committed messages of a topic up to some offsets, and whether there are any."""

import time
from collections.abc import Iterator, Mapping

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, Message, TopicPartition

from config.errors import UnavailableError
from config.settings import KafkaSettings
from ingest.kafka import client
from ingest.kafka.client import ANSWER_S, CONNECTION_LOST, OFFSET_IS_GONE, PARTITION_EOF, unavailable
from ingest.kafka.offsets import ends

_POLL_S = 0.5
_AT_ONCE = 2_000


class OffsetGoneError(UnavailableError):
    """Retention has deleted the next message."""


def reader(settings: KafkaSettings, group: str) -> Consumer:
    """A consumer for `messages` that goes on at the next message if retention has deleted some."""
    return client.consumer(settings, group, {"auto.offset.reset": "earliest", "fetch.wait.max.ms": 10})


def messages(  # noqa: PLR0913 - the range to read
    consumer: Consumer,
    settings: KafkaSettings,
    topic: str,
    until: Mapping[int, int],
    *,
    since: Mapping[int, int] | None = None,
    timeout_s: float = 60,
) -> Iterator[Message]:
    """The committed messages of each partition below `until`, from `since` on (default: the first that Kafka has).

    It waits for a transaction that is open below `until`. Raises `UnavailableError` if `timeout_s` passes without any
    news, and `OffsetGoneError` if the consumer reports offsets that are gone (see `client.consumer`).
    """
    begins = {number: (since or {}).get(number, OFFSET_BEGINNING) for number in until}
    left = {number for number, end in until.items() if max(begins[number], 0) < end}
    if not left:
        return
    consumer.assign([TopicPartition(topic, number, begins[number]) for number in sorted(left)])
    deadline = time.monotonic() + timeout_s
    while left:
        for message in _poll(consumer, settings, topic):
            number, offset, error = message.partition(), message.offset(), message.error()
            if error is not None and error.code() == OFFSET_IS_GONE:
                raise OffsetGoneError(error.str(), where=f"{topic}/{number}")
            if error is None and offset < until[number]:
                yield message
                offset += 1
            if offset >= until[number]:
                left.discard(number)
            deadline = time.monotonic() + timeout_s
        if time.monotonic() > deadline:
            raise unavailable(settings, topic, "a transaction is open, or the broker does not answer")


def drained(settings: KafkaSettings, topic: str, positions: Mapping[int, int]) -> set[int]:
    """The partitions that hold no committed message at or behind a position, and no open transaction.

    The end of a transactional topic is a marker that no reader gets, so the consumer says where the end is. A
    partition that the brokers are silent about is not among them. Raises `UnavailableError`.
    """
    if not positions:
        return set()
    stable, last = (ends(settings, topic, positions, uncommitted=uncommitted) for uncommitted in (False, True))
    return drained_until(settings, topic, {p: at for p, at in positions.items() if stable[p] == last[p]}, {})


def drained_until(
    settings: KafkaSettings, topic: str, positions: Mapping[int, int], until: Mapping[int, int]
) -> set[int]:
    """The partitions that hold no committed message from a position on below an offset `until` (default: the end).

    `until` is not behind the last stable offset, so no transaction below it is open.
    """
    if not positions:
        return set()
    consumer = client.consumer(settings, f"{topic}.reader")
    at_end: dict[int, bool] = {}
    try:
        consumer.assign([TopicPartition(topic, number, position) for number, position in positions.items()])
        deadline = time.monotonic() + ANSWER_S
        while len(at_end) < len(positions) and time.monotonic() < deadline:
            for message in _poll(consumer, settings, topic):
                at_end.setdefault(message.partition(), _is_end(message, until))
    finally:
        consumer.close()
    return {number for number, is_end in at_end.items() if is_end}


def _is_end(event: Message, until: Mapping[int, int]) -> bool:
    error = event.error()
    if error is not None:
        return bool(error.code() == PARTITION_EOF)
    return event.partition() in until and event.offset() >= until[event.partition()]


def _poll(consumer: Consumer, settings: KafkaSettings, topic: str) -> Iterator[Message]:
    """The next messages; the ends of partitions, and offsets that are gone, come as messages with an error.

    `poll` waits for the first; `consume` alone would wait until it has as many as it may give.
    """
    try:
        first = consumer.poll(_POLL_S)
        events = [] if first is None else [first, *consumer.consume(_AT_ONCE, 0)]
    except KafkaException as failure:
        raise unavailable(settings, topic, failure) from None
    for event in events:
        error = event.error()
        if error is None or error.code() in {PARTITION_EOF, OFFSET_IS_GONE}:
            yield event
        elif error.code() not in CONNECTION_LOST or error.fatal():
            raise unavailable(settings, topic, error)
