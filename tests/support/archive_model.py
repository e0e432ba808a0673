"""Archive model: an archiver over doubles of Kafka and HDFS, one call at a time, for laws."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from typing import Any, TypeVar

from batch_layer.archive.avro import AvroFormat
from batch_layer.archive.paths import Paths
from batch_layer.archive.post_reader import post_reader
from batch_layer.delivery.chunk import Chunk, Reader
from batch_layer.storage.chunk_files.commit_log import CommitLog
from batch_layer.storage.chunk_files.file_format import FileFormat
from batch_layer.storage.chunk_files.flush import Flush, Outlets, record_gap, recover
from batch_layer.storage.chunk_files.placement import Site, sweep
from config.errors import FencedError, UnavailableError
from config.settings import ArchiveSettings
from ingest.hours import HOUR_MS, Millis
from ingest.kafka.message import Message
from ingest.kafka.topic_ids import OtherTopicError
from ingest.post import Post
from ingest.wire import Reject, encode
from tests.support.hdfs_double import Crash, HdfsDouble

DAY_MS = 86_400_000
ROOTS = ["/archive", "/archive-1", "/archive-2"]
"""Of each topic that had the name, one after the other."""
ARCHIVE = ArchiveSettings(codec="null", keep_replaced_s=0, upload_threads=1)
NOW: Millis = 1_366_000_000_000
READER = post_reader(future_ms=0)
T = TypeVar("T")


class Inline(Executor):
    """An executor that has done it when it returns."""

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        future: Future[T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except BaseException as error:  # noqa: BLE001 - a crash, too, is what the caller is to meet
            future.set_exception(error)
        return future


class Topic:
    """One partition: messages at offsets with gaps, of which retention takes the first."""

    def __init__(self, number: int = 0) -> None:
        self.number = number
        """Its id: how many had the name before."""
        self.rejected: Counter[int] = Counter()
        self.messages: list[tuple[int, bytes]] = []
        self.poison: set[int] = set()
        self.low = 0
        self.end = 0

    def accept(self, hours: Sequence[int | None], gap: int) -> None:
        """One transaction. None is bytes that are no post. Offsets are missing behind it: its marker, and others."""
        for hour in hours:
            if hour is None:
                self.poison.add(self.end)
            value = b"poison" if hour is None else encode(_post(f"{self.number}@{self.end}", hour))
            self.messages.append((self.end, value))
            self.end += 1
        self.end += gap

    def read(self, position: int, count: int) -> list[tuple[int, bytes]]:
        """Nothing where the position is no longer there."""
        if position < self.low:
            return []
        first = bisect_left(self.messages, position, key=lambda message: message[0])
        return self.messages[first : first + count]


class Kafka:
    """What has the topic's name: whoever reads is told nothing where it is deleted and recreated."""

    def __init__(self) -> None:
        self.topics = [Topic()]

    @property
    def topic(self) -> Topic:
        return self.topics[-1]


class Process:
    """One archiver, as far as one partition goes: what `Archiver` does, a call at a time."""

    asks = True
    """Whether it asks which topic it is after it has read, and before it commits."""

    def __init__(self, kafka: Kafka, hdfs: HdfsDouble) -> None:
        self._kafka = kafka
        self._number = kafka.topic.number
        self._site, files, self._reader = self.place(hdfs)
        self._to = Outlets(self._site, files, self._send, lambda *_: None, lambda: NOW, self._check_topic)
        self._log: CommitLog[Any] | None = None
        self._chunk: Chunk[Any, Any] | None = None
        self._flush: Flush[Any, Any, Any] | None = None

    def place(self, hdfs: HdfsDouble) -> tuple[Site[Any], FileFormat[Any, Any], Reader[Any, Any]]:
        """The folder that it writes, how, and what it reads."""
        return Site(hdfs, Paths(ROOTS[self._number], "posts"), Inline()), AvroFormat("null"), READER

    @property
    def _topic(self) -> Topic:
        return self._kafka.topic

    def _check_topic(self) -> None:
        if self.asks and self._topic.number != self._number:
            raise OtherTopicError("the topic was deleted and recreated")

    def act(self, action: Callable[[], None]) -> None:
        """Do something. Whoever crashes, or is told that another has won, starts again from the manifests."""
        try:
            action()
        except UnavailableError:
            return
        except (Crash, FencedError, OtherTopicError):
            self._log = self._chunk = self._flush = None

    def begin(self) -> None:
        self._check_topic()
        if self._chunk is not None and self._chunk.next >= self._topic.low:
            return
        self._chunk = self._flush = None
        log = CommitLog(self._site.store, self._site.paths, 0)
        if recover(self._site, log) < self._topic.low:
            record_gap(self._site, log, self._topic.low, NOW)
        sweep(self._site, log)
        self._log, self._chunk = log, Chunk("posts", 0, log.position, self._reader)

    def read(self, count: int) -> None:
        if self._chunk is not None:
            for offset, value in self._topic.read(self._chunk.next, count):
                self._chunk.take(Message(0, offset, value, sent_at=NOW - offset % 3 * DAY_MS), NOW)

    def step(self) -> None:
        if self._flush is None and self._chunk is not None and self._log is not None and self._chunk.records:
            self._flush = Flush(self._to, self._log, self._chunk)
            self._chunk = Chunk("posts", 0, self._chunk.next, self._reader)
        if self._flush is not None:
            self._flush.step()
            if self._flush.done and self._log is not None:
                self._flush = None
                sweep(self._site, self._log)

    def drain(self) -> None:
        """All that is left, nothing failing."""
        self.begin()
        self.read(len(self._topic.messages))
        while self._flush is not None or (self._chunk is not None and self._chunk.records):
            self.step()

    def _send(self, rejects: Sequence[Reject]) -> None:
        self._topic.rejected.update(int(reject.where.rpartition("@")[2]) for reject in rejects)


def _post(post_id: str, hour: int) -> Post:
    at = NOW - (NOW % HOUR_MS) - hour * HOUR_MS
    return Post(id=post_id, source="x", created_at=at, received_at=NOW, text="#a")
