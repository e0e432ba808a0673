"""OpenChunk: what has been read of one Kafka partition and is not archived yet. Pure: it touches no server.

It keeps the posts of each hour apart, so several hours are open at once and one late post does not split files.
"""

from typing import Any, NamedTuple

from msgspec.structs import asdict

from batch_layer.archive.paths import Span
from config.errors import BadRecordError
from config.settings import ArchiveSettings
from ingest.hours import HOUR_MS, Hour, Millis, check_event_time, check_received
from ingest.wire import Reject, decode_post

Record = dict[str, Any]
"""A post as `post.avsc` has it; times are whole milliseconds."""


class Bounds(NamedTuple):
    """What a chunk may hold before it is flushed."""

    records: int
    bytes: int
    age_ms: int
    future_ms: int
    """How far ahead of the wall clock an event time may be."""

    @property
    def far(self) -> int:
        """A partition that is further behind will fill much of a chunk, which need not be flushed for its age."""
        return self.records // 10

    @classmethod
    def of(cls, settings: ArchiveSettings) -> "Bounds":
        """The bounds that the settings ask for."""
        return cls(
            settings.flush_records,
            settings.flush_bytes,
            int(settings.flush_after_s * 1000),
            int(settings.future_s * 1000),
        )


class OpenChunk:
    """Messages of one partition from `start` up to `next`. Each becomes a record or a reject, never nothing."""

    def __init__(self, topic: str, partition: int, start: int) -> None:
        self.topic = topic
        self.partition = partition
        self.start = start
        self.next = start
        self.records = 0
        """Posts and rejects."""
        self.bytes = 0
        self.since: Millis | None = None
        """Wall clock of the first message."""
        self.hours: dict[int, list[Record]] = {}
        """Posts by the serial of their hour, in order of offset."""
        self.rejects: list[Reject] = []

    @property
    def span(self) -> Span:
        """The offsets that it stands for."""
        return Span(self.partition, self.start, self.next)

    def take(self, value: bytes | None, offset: int, now: Millis, future_ms: int) -> None:
        """Take the message at an offset, which is not below `next`. Bytes that are no post become a reject."""
        self.next = offset + 1
        self.records += 1
        self.bytes += len(value) if value else 0
        if self.since is None:
            self.since = now
        try:
            record = _record(value, now, future_ms)
        except BadRecordError as error:
            where = f"{self.topic}/{self.partition}@{offset}"
            self.rejects.append(Reject(value or b"", "archive", error.reason, where))
            return
        record["partition"] = self.partition
        record["offset"] = offset
        self.hours.setdefault(record["created_at"] // HOUR_MS, []).append(record)

    def due(self, bounds: Bounds, now: Millis, *, growing: bool = False) -> bool:
        """Whether it is full, or its first message has waited long enough by the wall clock (or that was set back).

        Nobody waits for a chunk that is `growing`, since there is much behind it: that becomes full, or ends.
        """
        if self.since is None:
            return False
        full = self.records >= bounds.records or self.bytes >= bounds.bytes
        return full or (not growing and not 0 <= now - self.since < bounds.age_ms)

    def by_hour(self) -> list[tuple[Hour, list[Record]]]:
        """The posts of each hour, hours ascending."""
        return [(Hour(serial), self.hours[serial]) for serial in sorted(self.hours)]


def _record(value: bytes | None, now: Millis, future_ms: int) -> Record:
    if value is None:
        raise BadRecordError("not a post: an empty message")
    post = decode_post(value)
    check_event_time(post.created_at, now, future_ms)
    check_received(post.received_at)
    record = asdict(post)
    if post.tags is not None:
        record["tags"] = list(post.tags)  # fastavro takes a tuple in a union for (type, value)
    return record


def largest_over(chunks: list[OpenChunk], bounds: Bounds) -> OpenChunk | None:
    """The chunk to flush where all together hold more than one and a half full ones: so memory is bounded."""
    if sum(c.records for c in chunks) >= 1.5 * bounds.records:
        return max(chunks, key=lambda chunk: chunk.records)
    if sum(c.bytes for c in chunks) >= 1.5 * bounds.bytes:
        return max(chunks, key=lambda chunk: chunk.bytes)
    return None
