"""The sink: `FileSink` with the rows of a feed. Read `storage/chunk_files/flush.py` for its protocol."""

import logging
from concurrent.futures import ThreadPoolExecutor
from re import Pattern

from batch_layer.delivery.chunk import Reader
from batch_layer.sinks.contract import Stage
from batch_layer.sinks.files.feed_folder import REBUILD, THREADS, FeedFolder
from batch_layer.sinks.files.sink_guard import SinkGuard
from batch_layer.storage.chunk_files.chunk_manifest import ChunkManifest
from batch_layer.storage.chunk_files.file_sink import FileSink, FileWriter, Observer
from batch_layer.storage.chunk_files.flush import Outlets
from batch_layer.storage.chunk_files.placement import Site
from batch_layer.storage.chunk_files.topic_guard import TopicGuard
from config.errors import BadRecordError, UsageError
from config.quantity import quantity
from ingest.feeds.rows.row_reader import Row
from ingest.hours import Millis
from ingest.kafka.message import Message

_log = logging.getLogger(__name__)


class FeedFileSink(FileSink[str, Row, ChunkManifest]):
    """See `Sink`."""

    def __init__(self, stage: Stage, folder: FeedFolder, observer: Observer) -> None:
        threads = ThreadPoolExecutor(THREADS, "feed-upload")
        from_topic = stage.feed.declaration.sinks[stage.sink].from_ == "kafka"
        guard = TopicGuard(stage.settings.kafka, folder.paths) if from_topic else SinkGuard(folder.paths)
        outlets = Outlets(
            Site(folder.store, folder.paths, threads),
            folder.rows,
            stage.send_rejects,
            lambda *_: None,
            stage.now,
        )
        reader = in_layout(stage.reader, folder.label)
        super().__init__(reader, outlets, guard, observer, stage.after_step, threads)
        self._folder = folder

    def open(self, partition: int) -> FileWriter[str, Row, ChunkManifest]:
        """See `Sink`. Raises `UsageError` where the files have other columns than the feed's file says now."""
        writer = super().open(partition)
        last = writer.last
        if last is not None and last.schema not in {"", self._folder.rows.schema}:
            raise UsageError(
                "its files have other columns, or another format, than the feed's file says",
                where=self._folder.paths.root,
                next_step=f"Put the columns back, or {REBUILD}",
            )
        return writer


class CommitLogger(Observer):
    """Logs each chunk and each gap."""

    def __init__(self, feed: str, sink: str) -> None:
        self._name = f"{feed}.{sink}"

    def added(self, manifest: ChunkManifest) -> None:
        """See `Observer`."""
        rows, files = quantity(manifest.records, "row"), quantity(len(manifest.parts), "file")
        place = f"{self._name} {manifest.topic}/{manifest.partition}"
        _log.info("%s: up to %d: %s in %s, %d rejected", place, manifest.next, rows, files, manifest.rejected)

    def lost(self, partition: int, start: int, end: int, why: str) -> None:
        """See `Observer`."""
        _log.error("%s/%d: offsets %d to %d are a gap: %s", self._name, partition, start, end - 1, why)


def in_layout(reader: Reader[str, Row], labels: Pattern[str]) -> Reader[str, Row]:
    """The reader, which also refuses a row whose folder no manifest may name."""

    def read(message: Message, now: Millis) -> tuple[str, Row] | None:
        try:
            labelled = reader.read(message, now)
        except OverflowError:
            raise BadRecordError("no folder for its event time") from None
        if labelled is not None and not labels.fullmatch(labelled[0]):
            raise BadRecordError(f"no folder for its event time: {labelled[0][:40]}")
        return labelled

    return Reader(reader.stage, read)
