"""Rejects: what could not be used, kept with its reason for `trends rejects`. `ingest.kafka.dead_letters` sends them.

The topic is a queue: what was retried or dismissed lies behind the offset of the group `<topic>.retry`; what failed
again was put at its end, with the moment of its first refusal. So everything from that offset on is outstanding.
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

_COUNTED, _COUNTED_BYTES = 10_000, 32_000_000
"""Rejects, and bytes of them, that are read in order to be counted."""


class Parked(NamedTuple):
    """A reject where it lies."""

    partition: int
    offset: int
    at: Millis
    """When it was refused first, however often it was retried since."""
    reject: Reject


class Waiting(NamedTuple):
    """What is outstanding, without reading it."""

    outstanding: int
    """As many as `outstanding` yields; where that is not `exact`, at most so many."""
    oldest_at: Millis | None
    """When the oldest of them was refused first, of those that were looked at."""
    exact: bool = True
    """Whether all were looked at. Offsets that no reader sees, such as markers of transactions, count otherwise."""


def outstanding(settings: KafkaSettings) -> Iterator[Parked]:
    """What was settled neither by a retry nor by a dismissal, as it lies. Raises `UnavailableError`."""
    until = ends(settings, settings.rejects)
    with closing(retrying(settings)) as consumer:
        since = retried_until(settings, consumer, until)
        yield from map(parked_of, messages(consumer, settings, settings.rejects, until, since=since))


def waiting(settings: KafkaSettings) -> Waiting:
    """How much a retry would read: counted, as long as that is not more than `_COUNTED`. Raises `UnavailableError`."""
    until = ends(settings, settings.rejects)
    with closing(retrying(settings)) as consumer:
        next_offsets = retried_until(settings, consumer, until)
        count = size = 0
        oldest: Millis | None = None
        for found in messages(consumer, settings, settings.rejects, until, since=dict(next_offsets)):
            count, size = count + 1, size + len(found.value() or b"")
            at = parked_of(found).at
            oldest = at if oldest is None else min(oldest, at)
            next_offsets[found.partition()] = found.offset() + 1
            if count >= _COUNTED or size >= _COUNTED_BYTES:
                left = sum(max(0, end - next_offsets.get(number, 0)) for number, end in until.items())
                return Waiting(count + left, oldest, exact=left == 0)
    return Waiting(count, oldest)


def one(settings: KafkaSettings, partition: int, offset: int) -> Parked:
    """One reject, outstanding or not. Raises `NoDataError` where there is none, `UnavailableError`."""
    until = {partition: offset + 1} if ends(settings, settings.rejects).get(partition, 0) > offset else {}
    with closing(retrying(settings)) as consumer:
        for found in messages(consumer, settings, settings.rejects, until, since={partition: offset}):
            if found.offset() == offset:
                return parked_of(found)
    raise NoDataError(f"no reject {partition}@{offset}", next_step="`trends rejects list` names those that there are")


def retrying(settings: KafkaSettings) -> Consumer:
    """The consumer whose group says what was retried."""
    return reader(settings, f"{settings.rejects}.retry")


def retried_until(settings: KafkaSettings, consumer: Consumer, partitions: dict[int, int]) -> dict[int, int]:
    """The offset behind what was retried, of each partition where something was. Raises `UnavailableError`."""
    asked = [TopicPartition(settings.rejects, number) for number in partitions]
    try:
        answers = consumer.committed(asked, timeout=ANSWER_S)
    except KafkaException as error:
        raise unavailable(settings, settings.rejects, error) from None
    return {answer.partition: answer.offset for answer in answers if answer.offset >= 0}


def parked_of(found: Message) -> Parked:
    """A message of the topic. Headers that a stage left out, or that make no sense, are shown as they are."""
    told = {name: (value or b"").decode(errors="backslashreplace") for name, value in found.headers() or ()}
    attempts = told.get("attempts", "1")
    reject = Reject(
        raw=found.value() or b"",
        stage=told.get("stage", "?"),
        reason=told.get("reason", "?"),
        where=told.get("where", "?"),
        reader=told.get("reader", ""),
        attempts=int(attempts) if attempts.isdecimal() else 1,
    )
    parked_at = told.get("parked_at", "")
    at = int(parked_at) if parked_at.isdecimal() else found.timestamp()[1]
    return Parked(found.partition(), found.offset(), at, reject)
