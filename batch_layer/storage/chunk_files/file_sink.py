"""FileSink: chunks as files on HDFS. Read `flush.py` next: the protocol of a commit is there."""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Generic, Protocol

from batch_layer.delivery.chunk import Chunk, Label, Reader, Row
from batch_layer.delivery.sink import Progress
from batch_layer.delivery.start_line import DELETED
from batch_layer.storage.chunk_files.chunk_manifest import ChunkManifest, M
from batch_layer.storage.chunk_files.commit_log import CommitLog
from batch_layer.storage.chunk_files.flush import ChunkCommit, Flush, Outlets, record_gap, recover
from batch_layer.storage.chunk_files.identity import Origin
from batch_layer.storage.chunk_files.placement import finish_all, sweep
from batch_layer.storage.chunk_files.upload import Receipt
from batch_layer.storage.file_store import Store
from ingest.hours import Millis

_log = logging.getLogger(__name__)


class Guard(Protocol):
    """What says that a folder is of the topic that the stage reads. `TopicGuard` asks Kafka."""

    def admit_folder(self, store: Store, now: Millis) -> Origin:
        """The origin of every manifest. Raises `OtherTopicError`."""

    def check_end(self, partition: int, position: int, end: int) -> None:
        """Raise `OtherTopicError` where the folder goes beyond the end of the partition."""

    def check(self) -> None:
        """Raise `OtherTopicError` where messages read before may be of another topic than the folder."""


class Observer:
    """What a sink reports. This one ignores it."""

    def added(self, manifest: ChunkManifest) -> None:
        """The sink has committed and placed a chunk."""

    def lost(self, partition: int, start: int, end: int, why: str) -> None:
        """The sink has committed a gap."""

    def by_others(self, manifests: Sequence[ChunkManifest], since: Millis) -> None:
        """Other members of the group have committed these."""


class FileSink(Generic[Label, Row, M]):
    """See `Sink`. Uploads run in a pool of threads, which it closes."""

    def __init__(  # noqa: PLR0913, PLR0917 - what the archive and a feed have different
        self,
        reader: Reader[Label, Row],
        outlets: Outlets[Label, Row, M],
        guard: Guard,
        observer: Observer,
        after_step: Callable[[str], None],
        threads: ThreadPoolExecutor,
    ) -> None:
        """`after_step`: see `Flush.run`."""
        self.reader = reader
        self._to = replace(outlets, check_topic=guard.check)
        self._guard = guard
        self._observer = observer
        self._after_step = after_step
        self._threads = threads
        self._others: dict[int, CommitLog[M]] = {}
        """Logs of partitions that other members of the group own."""

    def prepare(self) -> None:
        """See `Sink`."""
        self._to.site.store.make_folder(self._to.site.paths.all_tmp)

    def admit(self) -> None:
        """See `Sink`."""
        origin = self._guard.admit_folder(self._to.site.store, self._to.now())
        self._to = replace(self._to, site=self._to.site._replace(origin=origin))

    def open(self, partition: int) -> "FileWriter[Label, Row, M]":
        """See `Sink`. Raises `OtherTopicError` where somebody has recreated the topic."""
        self._guard.check()
        log = self._log(partition)
        recover(self._to.site, log)
        return FileWriter(self._to, log, self._guard, self._observer, self._after_step)

    def progress(self, partition: int, since: Millis) -> Progress:
        """See `Sink`. Wall clocks of both processes decide which commits come after `since`.

        Completes the last commit: its writer may have died before it put the parts in their places.
        """
        log = self._others.setdefault(partition, self._log(partition))
        self._observer.by_others(log.read_on(self._threads), since)
        if log.last is not None:
            for _, error in finish_all(self._to.site, [log.last]):
                return Progress(log.position, error)
        return Progress(log.position, log.damage)

    def close(self) -> None:
        """See `Sink`."""
        self._threads.shutdown()

    def _log(self, partition: int) -> CommitLog[M]:
        site = self._to.site
        return CommitLog(site.store, site.paths, partition, site.origin.archive)


class FileWriter(Generic[Label, Row, M]):
    """See `Writer`: one partition, and the log of its manifests."""

    def __init__(
        self,
        to: Outlets[Label, Row, M],
        log: CommitLog[M],
        guard: Guard,
        observer: Observer,
        after_step: Callable[[str], None],
    ) -> None:
        self._to = to
        self._log = log
        self._guard = guard
        self._observer = observer
        self._after_step = after_step
        self._sweeps = 2
        """Still to do: at the start, and after the first commit, for a dead writer's try at the same start."""

    @property
    def position(self) -> int:
        """See `Writer`."""
        return self._log.position

    @property
    def last(self) -> M | None:
        """The manifest that ends at `position`."""
        return self._log.last

    def check_end(self, end: int) -> None:
        """See `Writer`."""
        self._guard.check_end(self._log.number, self._log.position, end)

    def skip(self, end: int, why: str) -> bool:
        """See `Writer`."""
        start = self._log.position
        cause = "" if why == DELETED else why  # as manifests have always had it
        if not record_gap(self._to.site, self._log, end, self._to.now(), cause):
            return False
        self._observer.lost(self._log.number, start, end, why)
        return True

    def delivery(self, chunk: Chunk[Label, Row]) -> "FileDelivery[Label, Row, M]":
        """See `Writer`."""
        return FileDelivery(Flush(self._to, self._log, chunk), self._observer, self._after_step)

    def commit(self, receipt: Receipt) -> None:
        """Commit and place the parts that another process has uploaded. Raises as `Delivery.run` does."""
        commit = ChunkCommit(self._to, self._log, lambda: receipt)
        self._observer.added(commit.run(self._after_step))

    def tidy(self) -> None:
        """See `Writer`."""
        self._log.index()
        if self._sweeps:
            sweep(self._to.site, self._log)
            self._sweeps -= 1


class FileDelivery(Generic[Label, Row, M]):
    """See `Delivery`: a flush, which the observer learns of."""

    def __init__(self, flush: Flush[Label, Row, M], observer: Observer, after_step: Callable[[str], None]) -> None:
        self._flush = flush
        self._observer = observer
        self._after_step = after_step

    def run(self) -> None:
        """See `Delivery`."""
        self._observer.added(self._flush.run(self._after_step))
