"""Rejects in their topic (dead letters): the queue that `trends rejects` lists, retries and dismisses.

`ingest.kafka.dead_letters` sends them. The topic is a queue: the offset of the group `<topic>.retry` is behind the
settled ones, and a retry puts those that fail again at the end, with the moment of their first refusal. So everything
from that offset on is outstanding.
"""

from collections.abc import Iterator
from contextlib import closing
from typing import NamedTuple

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from config.errors import NoDataError
from config.settings import KafkaSettings
from ingest.hours import Millis
from ingest.kafka.client import ANSWER_S, unavailable
from ingest.kafka.offsets import ends
from ingest.kafka.reading import messages, reader
from ingest.wire import Reject

_COUNT_LIMIT, _COUNT_LIMIT_BYTES = 10_000, 32_000_000
"""`backlog` reads at most so many rejects, and bytes of them, to count them."""


class ParkedReject(NamedTuple):
    """A reject at its place in the topic."""

    partition: int
    offset: int
    at: Millis
    """The moment of its first refusal, before any retries."""
    reject: Reject


class Backlog(NamedTuple):
    """How much is outstanding."""

    outstanding: int
    """As many as `outstanding_rejects` yields; an upper bound unless `exact`."""
    oldest_at: Millis | None
    """The first refusal of the oldest one among those that `backlog` has read."""
    exact: bool = True
    """Whether `backlog` has read them all. Otherwise the markers of transactions count, which no reader gets."""


def outstanding_rejects(settings: KafkaSettings) -> Iterator[ParkedReject]:
    """The rejects that no retry and no dismissal has settled, in their order. Raises `UnavailableError`."""
    until = ends(settings, settings.rejects)
    with closing(retry_consumer(settings)) as consumer:
        since = retry_positions(settings, consumer, until)
        yield from map(parse_reject, messages(consumer, settings, settings.rejects, until, since=since))


def backlog(settings: KafkaSettings) -> Backlog:
    """How much a retry would read. Exact up to `_COUNT_LIMIT`. Raises `UnavailableError`."""
    until = ends(settings, settings.rejects)
    with closing(retry_consumer(settings)) as consumer:
        next_offsets = retry_positions(settings, consumer, until)
        count = size = 0
        oldest: Millis | None = None
        for message in messages(consumer, settings, settings.rejects, until, since=dict(next_offsets)):
            count, size = count + 1, size + len(message.value() or b"")
            at = parse_reject(message).at
            oldest = at if oldest is None else min(oldest, at)
            next_offsets[message.partition()] = message.offset() + 1
            if count >= _COUNT_LIMIT or size >= _COUNT_LIMIT_BYTES:
                left = sum(max(0, end - next_offsets.get(number, 0)) for number, end in until.items())
                return Backlog(count + left, oldest, exact=left == 0)
    return Backlog(count, oldest)


def reject_at(settings: KafkaSettings, partition: int, offset: int) -> ParkedReject:
    """One reject, outstanding or not. Raises `NoDataError` if there is none, `UnavailableError`."""
    until = {partition: offset + 1} if ends(settings, settings.rejects).get(partition, 0) > offset else {}
    with closing(retry_consumer(settings)) as consumer:
        for message in messages(consumer, settings, settings.rejects, until, since={partition: offset}):
            if message.offset() == offset:
                return parse_reject(message)
    raise NoDataError(f"no reject {partition}@{offset}", next_step="`trends rejects list` shows the places")


def retry_consumer(settings: KafkaSettings) -> Consumer:
    """The consumer of the group whose offsets are behind the settled rejects."""
    return reader(settings, f"{settings.rejects}.retry")


def retry_positions(settings: KafkaSettings, consumer: Consumer, partitions: dict[int, int]) -> dict[int, int]:
    """The offset behind the settled rejects of each partition that has some. Raises `UnavailableError`."""
    numbers = [TopicPartition(settings.rejects, number) for number in partitions]
    try:
        answers = consumer.committed(numbers, timeout=ANSWER_S)
    except KafkaException as error:
        raise unavailable(settings, settings.rejects, error) from None
    return {answer.partition: answer.offset for answer in answers if answer.offset >= 0}


def parse_reject(message: Message) -> ParkedReject:
    """The reject in a message of the topic. Missing headers become `?`; odd ones stay as they are."""
    headers = {name: (value or b"").decode(errors="backslashreplace") for name, value in message.headers() or ()}
    attempts = headers.get("attempts", "1")
    reject = Reject(
        raw=message.value() or b"",
        stage=headers.get("stage", "?"),
        reason=headers.get("reason", "?"),
        where=headers.get("where", "?"),
        reader=headers.get("reader", ""),
        attempts=int(attempts) if attempts.isdecimal() else 1,
    )
    parked_at = headers.get("parked_at", "")
    at = int(parked_at) if parked_at.isdecimal() else message.timestamp()[1]
    return ParkedReject(message.partition(), message.offset(), at, reject)
