"""The law of a feed's files: the histories of the archive, over JSON Lines and Parquet by day.

Each accepted offset below the position is in a file once, or rejected, or in a gap; the counts of the manifests add up;
a listing shows no row that no manifest names, and what another stage reads is what the files hold.
"""

import json
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

from hypothesis import HealthCheck, settings

from batch_layer.delivery.chunk import Bounds, Chunk, Reader
from batch_layer.delivery.intake import AtEnd
from batch_layer.sinks.files.feed_folder import FeedFolder
from batch_layer.sinks.files.files_intake import FilesIntake
from batch_layer.sinks.files.files_place import FilesPlace
from batch_layer.sinks.spark_files.partition_task import upload_messages
from batch_layer.storage.chunk_files.commit_log import CommitLog
from batch_layer.storage.chunk_files.file_format import FileFormat
from batch_layer.storage.chunk_files.flush import ChunkCommit, record_gap, recover
from batch_layer.storage.chunk_files.placement import Site, sweep
from batch_layer.storage.chunk_files.upload import Receipt
from config.errors import FencedError, UnavailableError
from ingest.kafka.message import Message
from ingest.kafka.topic_ids import OtherTopicError
from tests.support.archive_histories import Archiving
from tests.support.archive_model import DAY_MS, NOW, ROOTS, Inline, Process, Topic
from tests.support.feed_files import feed_of, folder_on, hdfs_sink, stage_of
from tests.support.hdfs_double import Crash, HdfsDouble
from tests.support.schedules import find_wrong, schedules

STAGES = {kind: stage_of(feed_of({"files": hdfs_sink(format=kind)}), "files") for kind in ("json", "parquet")}


class FeedProcess(Process):
    """A stage instead of an archiver."""

    format: ClassVar[str] = "json"

    def place(self, hdfs: HdfsDouble) -> tuple[Site[Any], FileFormat[Any, Any], Reader[Any, Any]]:
        folder = folder_of(hdfs, self.format, self._number)
        return Site(hdfs, folder.paths, Inline()), folder.rows, STAGES[self.format].reader


class ParquetProcess(FeedProcess):
    format = "parquet"


class SparkProcess(FeedProcess):
    """A driver and its query: tasks upload, the driver commits, whatever fails ends the query.

    Spark repeats each batch once. The checkpoint of a query is gone when the next one begins.
    """

    from_checkpoint = False
    """Whether a query begins behind the batches that a former one has begun, as Spark's checkpoint has it."""
    checkpoint = 0
    _next = 0
    """Where Spark's next batch begins."""

    def begin(self) -> None:
        self._check_topic()
        if self._log is not None and self._next >= self._topic.low:
            return
        log = CommitLog(self._site.store, self._site.paths, 0)
        if recover(self._site, log) < self._topic.low:
            record_gap(self._site, log, self._topic.low, NOW)
        sweep(self._site, log)
        self._log, self._next = log, log.position
        if self.from_checkpoint:
            self._next = max(self._next, self.checkpoint)
        self._batch: list[Message] = []
        self._commits: list[ChunkCommit[Any, Any, Any]] = []

    def read(self, count: int) -> None:
        """Plan a batch, unless there is one in hand."""
        if self._log is not None and not self._batch:
            found = self._topic.read(self._next, count)
            self._batch = [Message(0, offset, value, sent_at=NOW - offset % 3 * DAY_MS) for offset, value in found]
            self.checkpoint = self._batch[-1].offset + 1 if self._batch else self.checkpoint

    def step(self) -> None:
        """Run the tasks of the batch, or take a step of its commits."""
        if self._log is None or not self._batch:
            return
        if self._commits:
            self._commits[0].step()
            if self._commits[0].done:
                del self._commits[0]
                sweep(self._site, self._log)
        else:
            self._upload(self._log)

    def _upload(self, log: CommitLog[Any]) -> None:
        """Tasks leave out what is below the position: nothing is left of a batch that is done."""
        start = Chunk("posts", 0, log.position, self._reader)
        folder = folder_of(self._hdfs, self.format, self._number)
        receipts = upload_messages(folder, start, Bounds(2, 1_000_000, 1_000), self._batch, Inline()).receipts
        self._commits = [ChunkCommit(self._to, log, partial(_itself, receipt)) for receipt in receipts]
        if not receipts:
            self._next, self._batch = self._batch[-1].offset + 1, []

    def place(self, hdfs: HdfsDouble) -> tuple[Site[Any], FileFormat[Any, Any], Reader[Any, Any]]:
        self._hdfs = hdfs
        return super().place(hdfs)

    def act(self, action: Callable[[], None]) -> None:
        try:
            action()
        except (Crash, FencedError, OtherTopicError, UnavailableError):
            self._log = None

    def drain(self) -> None:
        self.begin()
        self.read(len(self._topic.messages))
        while self._batch:
            self.step()


class FromCheckpoint(SparkProcess):
    from_checkpoint = True


class FeedArchiving(Archiving):
    """Nothing merges files of a feed."""

    process: type[FeedProcess] = FeedProcess

    def merge(self, topic: Topic) -> None:
        pass

    def check(self, topic: Topic, hdfs: HdfsDouble, whole: bool) -> None:
        folder = folder_of(hdfs, self.process.format, topic.number)
        place = FilesPlace(STAGES[self.process.format], folder)
        standing = place.standings().get(0)
        position = standing.position if standing else 0
        kept = list(place.offsets(0))
        gaps = {offset for start, end, _ in (standing.gaps if standing else ()) for offset in range(start, end)}
        accepted = {offset for offset, _ in topic.messages if offset < position}
        assert kept == sorted(accepted - topic.poison - gaps)
        assert topic.rejected.keys() >= (accepted & topic.poison) - gaps
        if standing:
            assert standing.kept + standing.rejected + standing.left_out == len(accepted - gaps)
        assert place.foreign() == [], "a listing shows what no manifest names"
        assert intake_of(folder, self.process.format) == [
            (offset, json.loads(value), NOW - offset % 3 * DAY_MS) for offset, value in topic.messages if offset in kept
        ]
        if whole:
            assert accepted == {offset for offset, _ in topic.messages}


class ParquetArchiving(FeedArchiving):
    process = ParquetProcess


class SparkArchiving(FeedArchiving):
    process = SparkProcess


class CheckpointArchiving(FeedArchiving):
    process = FromCheckpoint


def _itself(receipt: Receipt) -> Receipt:
    return receipt


def folder_of(hdfs: HdfsDouble, kind: str, number: int) -> FeedFolder:
    return folder_on(hdfs, STAGES[kind], ROOTS[number])


def intake_of(folder: FeedFolder, kind: str) -> list[tuple[int, Any, int]]:
    """Offset, value and time of each message that another stage reads."""
    intake = FilesIntake(folder, STAGES[kind])
    intake.join(lambda _: None)
    intake.seek(0, 0)
    found: list[tuple[int, Any, int]] = []
    while AtEnd(0) not in (events := intake.read()):
        messages = [event for event in events if isinstance(event, Message)]
        found += [(each.offset, json.loads(each.value or b""), each.sent_at) for each in messages]
    intake.close()
    return found


TestFeedArchiving = FeedArchiving.TestCase
TestParquetArchiving = ParquetArchiving.TestCase
TestSparkArchiving = SparkArchiving.TestCase
for each in (TestFeedArchiving, TestParquetArchiving, TestSparkArchiving):
    each.settings = settings(
        max_examples=schedules(25), stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
    )


def test_a_query_that_begins_at_its_checkpoint_is_found_wrong() -> None:
    find_wrong(CheckpointArchiving)
