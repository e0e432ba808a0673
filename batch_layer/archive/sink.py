"""ArchiveSink: posts as Avro files by hour on HDFS."""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from batch_layer.archive.avro import AvroFormat, Record
from batch_layer.archive.manifest import Manifest
from batch_layer.archive.paths import Paths
from batch_layer.archive.post_reader import post_reader
from batch_layer.archive.summary import Summary
from batch_layer.storage.chunk_files.chunk_manifest import ChunkManifest
from batch_layer.storage.chunk_files.file_sink import FileSink, Observer
from batch_layer.storage.chunk_files.flush import Outlets
from batch_layer.storage.chunk_files.placement import Site
from batch_layer.storage.chunk_files.topic_guard import TopicGuard
from batch_layer.storage.file_store import Store
from batch_layer.storage.webhdfs import HdfsStore
from config.quantity import quantity
from config.settings import Settings
from ingest.hours import Millis
from ingest.kafka.dead_letters import DeadLetters

_log = logging.getLogger(__name__)


class ArchiveSink(FileSink[int, Record, Manifest]):
    """See `Sink`."""

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
        paths = Paths(settings.hdfs.root, settings.kafka.posts)
        threads = ThreadPoolExecutor(settings.archive.upload_threads, "archive-upload")
        self.summary = Summary()
        outlets = Outlets(
            Site(store or HdfsStore(settings.hdfs), paths, threads),
            AvroFormat(settings.archive.codec),
            DeadLetters(settings).send,
            acknowledge,
            now,
        )
        super().__init__(
            post_reader(int(settings.archive.future_s * 1000)),
            outlets,
            TopicGuard(settings.kafka, paths),
            _Counting(self.summary, settings.kafka.posts),
            after_step,
            threads,
        )


class _Counting(Observer):
    """Counts and logs commits."""

    def __init__(self, summary: Summary, topic: str) -> None:
        self._summary = summary
        self._topic = topic

    def added(self, manifest: ChunkManifest) -> None:
        self._summary.add(manifest)
        posts, files = quantity(manifest.records, "post"), quantity(len(manifest.parts), "file")
        where = f"{manifest.topic}/{manifest.partition}"
        _log.info("%s: archived up to %d: %s in %s, %d rejected", where, manifest.next, posts, files, manifest.rejected)

    def lost(self, partition: int, start: int, end: int, why: str) -> None:  # noqa: ARG002 - always retention
        self._summary.lost(end - start)
        _log.error(
            "%s/%d: Kafka has deleted offsets %d to %d before they were archived: they are lost. "
            "Give the topic a longer retention, or the archiver more time",
            *(self._topic, partition, start, end - 1),
        )

    def by_others(self, manifests: Sequence[ChunkManifest], since: Millis) -> None:
        self._summary.by_others += sum(each.records for each in manifests if each.committed_at >= since)
