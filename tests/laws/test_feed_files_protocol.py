"""The law of a feed's files: the histories of the archive, over JSON Lines and Parquet by day.

Each accepted offset below the position is in a file once, or rejected, or in a gap; the counts of the manifests add up;
a listing shows no row that no manifest names, and what another stage reads is what the files hold.
"""

import json
from typing import Any, ClassVar

from hypothesis import HealthCheck, settings

from batch_layer.delivery.chunk import Reader
from batch_layer.delivery.intake import AtEnd
from batch_layer.sinks.files.feed_folder import FeedFolder
from batch_layer.sinks.files.files_intake import FilesIntake
from batch_layer.sinks.files.files_place import FilesPlace
from batch_layer.storage.chunk_files.file_format import FileFormat
from batch_layer.storage.chunk_files.placement import Site
from ingest.kafka.message import Message
from tests.support.archive_histories import Archiving
from tests.support.archive_model import DAY_MS, NOW, ROOTS, Inline, Process, Topic
from tests.support.feed_files import feed_of, folder_on, hdfs_sink, stage_of
from tests.support.hdfs_double import HdfsDouble
from tests.support.schedules import schedules

STAGES = {kind: stage_of(feed_of({"files": hdfs_sink(format=kind)}), "files") for kind in ("json", "parquet")}


class FeedProcess(Process):
    """A stage instead of an archiver."""

    format: ClassVar[str] = "json"

    def place(self, hdfs: HdfsDouble) -> tuple[Site[Any], FileFormat[Any, Any], Reader[Any, Any]]:
        folder = folder_of(hdfs, self.format, self._number)
        return Site(hdfs, folder.paths, Inline()), folder.rows, STAGES[self.format].reader


class ParquetProcess(FeedProcess):
    format = "parquet"


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
for each in (TestFeedArchiving, TestParquetArchiving):
    each.settings = settings(
        max_examples=schedules(25), stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
    )
