"""Files on HDFS that Python writes: their folder, the sink and the place."""

from batch_layer.sinks.contract import Stage
from batch_layer.sinks.files.feed_folder import FeedFolder, FolderShape
from batch_layer.sinks.files.files_place import FilesPlace
from batch_layer.sinks.files.files_sink import CommitLogger, FeedFileSink
from batch_layer.sinks.files.json_lines import JsonLines
from batch_layer.sinks.files.row_format import RowFormat
from batch_layer.storage.webhdfs import HdfsStore
from config.errors import UsageError
from ingest.feeds.declaration.model import HdfsSink


def folder_of(stage: Stage) -> FeedFolder:
    """The folder that the feed's file declares."""
    table = stage.feed.declaration.sinks[stage.sink]
    if not isinstance(table, HdfsSink):
        raise UsageError("it writes no files on HDFS", where=f"feed {stage.feed.name}, sinks.{stage.sink}")
    shape = FolderShape(table.root, table.by, table.files)
    return FeedFolder(stage, HdfsStore(stage.settings.hdfs), shape, _rows_of(stage, table))


def _rows_of(stage: Stage, table: HdfsSink) -> RowFormat:
    if table.format == "json":
        return JsonLines(stage.columns)
    from batch_layer.sinks.files.parquet import Parquet  # noqa: PLC0415 - loads pyarrow, 25 MB

    return Parquet(stage.columns)


def make_sink(stage: Stage) -> FeedFileSink:
    """See `SinkKind`."""
    return FeedFileSink(stage, folder_of(stage), CommitLogger(stage.feed.name, stage.sink))


def make_place(stage: Stage) -> FilesPlace:
    """See `SinkKind`."""
    return FilesPlace(stage, folder_of(stage))
