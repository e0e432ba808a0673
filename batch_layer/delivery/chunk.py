"""Chunk: the messages of one partition that the stage has read and its sink does not have yet. It touches no server.

Rows of each label stay apart, such as posts of each hour, so one late row does not split a file.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

from config.errors import BadRecordError
from ingest.hours import Millis
from ingest.kafka.message import Message
from ingest.wire import Reject

Label = TypeVar("Label")
Row = TypeVar("Row")


class Bounds(NamedTuple):
    """Limits of a chunk; at any of them the stage flushes it."""

    records: int
    bytes: int
    age_ms: int

    @property
    def far(self) -> int:
        """A lag in offsets. A partition further behind fills much of a chunk, so the chunk's age does not matter."""
        return self.records // 10


@dataclass(frozen=True, slots=True)
class Reader(Generic[Label, Row]):
    """How a stage reads a message."""

    stage: str
    """Its name in rejects."""
    read: Callable[[Message, Millis], tuple[Label, Row] | None]
    """Turns a message, at a wall clock, into a row and its label, or raises `BadRecordError`. None: leave it out."""


class Chunk(Generic[Label, Row]):
    """Messages of one partition from `start` up to `next`: each is a row or a reject, or the reader leaves it out."""

    def __init__(self, topic: str, partition: int, start: int, reader: Reader[Label, Row]) -> None:
        self.topic = topic
        self.partition = partition
        self.start = start
        self.next = start
        self.records = 0
        """Messages: rows, rejects and those left out."""
        self.bytes = 0
        self.since: Millis | None = None
        """Wall clock of the first message."""
        self.rows: dict[Label, list[Row]] = {}
        """Rows by label, in order of offset."""
        self.rejects: list[Reject] = []
        self.left_out = 0
        self._reader = reader

    def take(self, message: Message, now: Millis) -> None:
        """Take a message whose offset is not below `next`. Bytes that the reader refuses become a reject."""
        value = message.value
        self.next = message.offset + 1
        self.records += 1
        self.bytes += len(value) if value else 0
        if self.since is None:
            self.since = now
        try:
            labelled = self._reader.read(message, now)
        except BadRecordError as error:
            where = f"{self.topic}/{self.partition}@{message.offset}"
            self.rejects.append(Reject(value or b"", self._reader.stage, error.reason, where))
            return
        if labelled is None:
            self.left_out += 1
            return
        label, row = labelled
        self.rows.setdefault(label, []).append(row)

    def follower(self) -> "Chunk[Label, Row]":
        """An empty chunk that begins where this one ends."""
        return Chunk(self.topic, self.partition, self.next, self._reader)

    def is_full(self, bounds: Bounds) -> bool:
        """Whether it takes no further message."""
        return self.records >= bounds.records or self.bytes >= bounds.bytes

    def due(self, bounds: Bounds, now: Millis, *, growing: bool = False) -> bool:
        """Whether it is full, or its first message has waited long enough by the wall clock (or that went back).

        A chunk that is `growing` has much behind it, so it becomes full or ends: its age does not matter.
        """
        if self.since is None:
            return False
        return self.is_full(bounds) or (not growing and not 0 <= now - self.since < bounds.age_ms)


def largest_over(chunks: Collection[Chunk[Any, Any]], bounds: Bounds) -> Chunk[Any, Any] | None:
    """The chunk to flush where all together hold one and a half full ones or more: this limits memory."""
    if sum(c.records for c in chunks) >= 1.5 * bounds.records:
        return max(chunks, key=lambda chunk: chunk.records)
    if sum(c.bytes for c in chunks) >= 1.5 * bounds.bytes:
        return max(chunks, key=lambda chunk: chunk.bytes)
    return None
