"""FilesIntake: committed files as an intake. A stage that reads them owns all partitions; the manifests say what comes.

Several stages may read the same files. The sink of one of them keeps each chunk, and the others read on behind it.
"""

import time
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from itertools import islice
from threading import Event as Flag
from typing import Any

from batch_layer.delivery.intake import AtEnd, Event
from batch_layer.sinks.contract import Stage
from batch_layer.sinks.files.feed_folder import THREADS, FeedFolder
from batch_layer.sinks.handover import check_handover
from batch_layer.storage.chunk_files.chunk_manifest import ChunkManifest
from batch_layer.storage.chunk_files.commit_log import CommitLog
from ingest.hours import Millis, millis
from ingest.kafka.message import Message
from ingest.kafka.offsets import OffsetRange
from ingest.sources.formats.timestamps import time_of

POLL_S = 0.2
"""Longest that `read` waits."""
LOOK_S = 1.0
"""Seconds between two looks for new manifests, unless the stage's `every` says otherwise."""


class FilesIntake:
    """See `Intake`."""

    def __init__(self, folder: FeedFolder, reader: Stage) -> None:
        """Raises `UsageError` where no column holds the whole record, or a thing that the reader needs."""
        self._folder = folder
        self._value = folder.value_column()
        self._offset = folder.offset_column()
        self._sent = _sent_column(folder)
        self._key = next((name for name, column in folder.columns_from("$key") if column.type == "string"), None)
        check_handover(reader, key=self._key is not None, sent=self._sent is not None)
        topic = reader.feed.declaration.topic
        self._least = topic.partitions if topic is not None else 0
        self._every = getattr(reader.feed.declaration.sinks[reader.sink], "every", None) or LOOK_S
        self._look_at = 0.0
        self._logs: dict[int, CommitLog[ChunkManifest]] = {}
        self._ahead: dict[int, list[ChunkManifest]] = {}
        """All manifests of each partition."""
        self._positions: dict[int, int] = {}
        self._at_end: set[int] = set()
        self._alone: int | None = None
        self._threads = ThreadPoolExecutor(THREADS, "feed-read")
        self._pause = Flag()

    @property
    def owned(self) -> set[int]:
        """See `Intake`."""
        return set(range(max([self._least, *(number + 1 for number in self._logs)])))

    def join(self, lost: Callable[[int], None]) -> int:  # noqa: ARG002 - there is no group
        """See `Intake`."""
        self._look()
        return len(self.owned)

    def close(self) -> None:
        """See `Intake`."""
        self._threads.shutdown()

    def read(self) -> list[Event]:
        """See `Intake`: the rest of one manifest of each partition."""
        if time.monotonic() >= self._look_at:
            self._look()
        reading = self._positions.keys() if self._alone is None else self._positions.keys() & {self._alone}
        events = [event for partition in sorted(reading) for event in self._next(partition)]
        if not events:
            self._pause.wait(POLL_S)
        return events

    def wait(self, seconds: float, take: Callable[[Event], None], stop: Callable[[], bool]) -> None:  # noqa: ARG002 - nothing comes
        """See `Intake`."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0 and not stop():
            self._pause.wait(min(left, POLL_S))

    def read_alone(self, partition: int | None) -> None:
        """See `Intake`."""
        self._alone = partition

    def lag(self, partition: int, position: int) -> int:
        """See `Intake`."""
        return max(0, self._end(partition) - position)

    def offsets(self, partition: int) -> OffsetRange:
        """See `Intake`. Gaps and rejects of these files are no loss of the stage that reads them."""
        self._look()
        return OffsetRange(0, self._end(partition))

    def seek(self, partition: int, position: int) -> None:
        """See `Intake`."""
        self._positions[partition] = position
        self._at_end.discard(partition)

    def ends(self, partitions: Iterable[int]) -> dict[int, int]:
        """See `Intake`."""
        self._look()
        return {partition: self._end(partition) for partition in partitions}

    def drained(self, positions: Mapping[int, int], until: Mapping[int, int]) -> set[int]:
        """See `Intake`."""
        self._look()
        return {
            partition
            for partition, position in positions.items()
            if not any(
                position <= offset < until[partition]
                for manifest in self._ahead.get(partition, [])
                if manifest.records and manifest.next > position and manifest.start < until[partition]
                for offset in self._offsets(manifest)
            )
        }

    def acknowledge(self, partition: int, position: int) -> None:
        """See `Intake`: manifests show nobody who reads them."""

    def _look(self) -> None:
        """Read the manifests that are new. Raises `UnavailableError`."""
        for partition in self._folder.partitions():
            log = self._logs.setdefault(partition, self._folder.log(partition))
            manifests = self._folder.read_on(log, self._threads)
            self._ahead.setdefault(partition, []).extend(manifests)
            if manifests:
                self._at_end.discard(partition)
        self._look_at = time.monotonic() + self._every

    def _end(self, partition: int) -> int:
        log = self._logs.get(partition)
        return 0 if log is None else log.position

    def _next(self, partition: int) -> list[Event]:
        """The messages of the next manifest that has any behind the position; the end, once, where there is none."""
        position = self._positions[partition]
        manifests = self._ahead.get(partition, [])
        for manifest in islice(manifests, bisect_right(manifests, position, key=_end_of), None):
            if manifest.records:
                self._positions[partition] = manifest.next
                return [message for message in self._messages(manifest) if message.offset >= position]
        if partition in self._at_end:
            return []
        self._at_end.add(partition)
        return [AtEnd(partition)]

    def _offsets(self, manifest: ChunkManifest) -> Iterable[int]:
        return (int(row[self._offset]) for row in self._folder.ordered(manifest, []))

    def _messages(self, manifest: ChunkManifest) -> Iterable[Message]:
        names = [name for name in (self._value, self._sent, self._key) if name is not None]
        for row in self._folder.ordered(manifest, names):
            value, key = row[self._value], row[self._key] if self._key else None
            yield Message(
                manifest.partition,
                int(row[self._offset]),
                b"null" if value is None else value if isinstance(value, bytes) else value.encode(),
                None if key is None else key.encode(),
                _moment(row[self._sent]) if self._sent else 0,
            )


def _end_of(manifest: ChunkManifest) -> int:
    return manifest.next


def _sent_column(folder: FeedFolder) -> str | None:
    """The column that holds Kafka's time of a record, if there is one."""
    moments = [name for name, column in folder.columns_from("$sent") if column.type == "timestamp" and not column.zone]
    return moments[0] if moments else None


def _moment(cell: Any) -> Millis:
    if isinstance(cell, datetime):
        return millis(cell)
    return time_of(cell) if isinstance(cell, str) else int(cell or 0)
