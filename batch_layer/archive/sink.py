"""ArchiveSink: posts as Avro files by hour on HDFS. Read `flush.py` next: the protocol of a commit is there."""

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from batch_layer.archive.avro import Record
from batch_layer.archive.commit_log import CommitLog
from batch_layer.archive.flush import Flush, Outlets, record_gap, recover
from batch_layer.archive.paths import Paths
from batch_layer.archive.placement import Site, sweep
from batch_layer.archive.post_reader import post_reader
from batch_layer.archive.summary import Summary
from batch_layer.archive.topic_guard import TopicGuard
from batch_layer.delivery.chunk import Chunk
from batch_layer.delivery.sink import Progress
from batch_layer.storage.file_store import Store
from batch_layer.storage.webhdfs import HdfsStore
from config.quantity import quantity
from config.settings import Settings
from ingest.hours import Millis
from ingest.kafka.dead_letters import DeadLetters

_log = logging.getLogger(__name__)


class ArchiveSink:
    """See `Sink`. Uploads run in a pool of threads."""

    def __init__(
        self,
        settings: Settings,
        acknowledge: Callable[[int, int], None],
        *,
        now: Callable[[], Millis],
        after_step: Callable[[str], None],
        store: Store | None = None,
    ) -> None:
        """`acknowledge` and `after_step`: see `Outlets` and `Flush.run`."""
        topic = settings.kafka.posts
        self.reader = post_reader(int(settings.archive.future_s * 1000))
        self.summary = Summary()
        self._threads = ThreadPoolExecutor(settings.archive.upload_threads, "archive-upload")
        self._guard = TopicGuard(settings.kafka)
        self._after_step = after_step
        self._to = Outlets(
            Site(store or HdfsStore(settings.hdfs), Paths(settings.hdfs.root, topic), self._threads),
            settings.archive.codec,
            DeadLetters(settings).send,
            acknowledge,
            now,
            self._guard.check,
        )
        self._others: dict[int, CommitLog] = {}
        """Logs of partitions that other members of the group own."""

    def prepare(self) -> None:
        """See `Sink`."""
        self._to.site.store.make_folder(self._to.site.paths.all_tmp)

    def admit(self) -> None:
        """See `Sink`."""
        site = self._to.site
        origin = self._guard.admit_archive(site.store, site.paths, self._to.now())
        self._to = replace(self._to, site=site._replace(origin=origin))

    def open(self, partition: int) -> "ArchiveWriter":
        """See `Sink`. Raises `OtherTopicError` where somebody has recreated the topic."""
        self._guard.check()
        log = self._log(partition)
        recover(self._to.site, log)
        return ArchiveWriter(self._to, log, self._guard, self.summary, self._after_step)

    def progress(self, partition: int, since: Millis) -> Progress:
        """See `Sink`. Wall clocks of both processes decide which commits come after `since`."""
        log = self._others.setdefault(partition, self._log(partition))
        read = log.read_on(self._threads)
        self.summary.by_others += sum(manifest.records for manifest in read if manifest.committed_at >= since)
        return Progress(log.position, log.damage)

    def close(self) -> None:
        """See `Sink`."""
        self._threads.shutdown()

    def _log(self, partition: int) -> CommitLog:
        site = self._to.site
        return CommitLog(site.store, site.paths, partition, site.origin.archive)


class ArchiveWriter:
    """See `Writer`: one partition, and the log of its manifests."""

    def __init__(
        self, to: Outlets, log: CommitLog, guard: TopicGuard, summary: Summary, after_step: Callable[[str], None]
    ) -> None:
        self._to = to
        self._log = log
        self._guard = guard
        self._summary = summary
        self._after_step = after_step
        self._sweeps = 2
        """Still to do: at the start, and after the first commit, for a dead archiver's try at the same start."""

    @property
    def position(self) -> int:
        """See `Writer`."""
        return self._log.position

    def check_end(self, end: int) -> None:
        """See `Writer`."""
        self._guard.check_end(self._log.number, self._log.position, end)

    def skip(self, end: int, why: str) -> bool:
        """See `Writer`."""
        start = self._log.position
        if not record_gap(self._to.site, self._log, end, self._to.now(), why):
            return False
        self._summary.lost(end - start)
        _log.error(
            "%s/%d: Kafka has deleted offsets %d to %d before they were archived: they are lost. "
            "Give the topic a longer retention, or the archiver more time",
            *(self._to.site.paths.topic, self._log.number, start, end - 1),
        )
        return True

    def delivery(self, chunk: Chunk[int, Record]) -> "ArchiveDelivery":
        """See `Writer`."""
        return ArchiveDelivery(Flush(self._to, self._log, chunk), self._summary, self._after_step)

    def tidy(self) -> None:
        """See `Writer`."""
        self._log.index()
        if self._sweeps:
            sweep(self._to.site, self._log)
            self._sweeps -= 1


class ArchiveDelivery:
    """See `Delivery`: a flush, which the summary counts."""

    def __init__(self, flush: Flush, summary: Summary, after_step: Callable[[str], None]) -> None:
        self._flush = flush
        self._summary = summary
        self._after_step = after_step

    def run(self) -> None:
        """See `Delivery`."""
        chunk = self._flush.run(self._after_step)
        self._summary.add(chunk)
        posts, files = quantity(chunk.records, "post"), quantity(len(chunk.parts), "file")
        where = f"{chunk.topic}/{chunk.partition}"
        _log.info("%s: archived up to %d: %s in %s, %d rejected", where, chunk.next, posts, files, chunk.rejected)
