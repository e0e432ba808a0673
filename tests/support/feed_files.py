"""Feed files: a feed whose sink is a folder, for tests: on a double of HDFS, or on servers."""

from collections.abc import Sequence
from typing import Any

from batch_layer.delivery.chunk import Reader
from batch_layer.sinks.contract import Stage
from batch_layer.sinks.files.feed_folder import FeedFolder, FolderShape
from batch_layer.sinks.files.json_lines import JsonLines
from batch_layer.sinks.files.parquet import Parquet
from batch_layer.sinks.files.row_format import RowFormat
from batch_layer.storage.file_store import Store
from config.settings import Settings
from ingest.feeds.declaration.model import Feed, HdfsSink, NamedFeed
from ingest.feeds.rows.row_reader import RowReader
from ingest.wire import Reject

COLUMNS = {
    "kafka_partition": {"from": "$partition", "type": "int"},
    "kafka_offset": {"from": "$offset", "type": "bigint"},
    "sent": {"from": "$sent", "type": "timestamp"},
    "value": {"from": "$value", "type": "json"},
}
"""All that another stage may need."""
FORMATS: dict[str, type[RowFormat]] = {"json": JsonLines, "parquet": Parquet}


def feed_of(sinks: dict[str, Any], topic: str = "posts", partitions: int = 1, **more: Any) -> NamedFeed:
    """A feed that others fill."""
    declared = {"about": "a test", "topic": {"name": topic, "partitions": partitions}, "sinks": sinks, **more}
    return NamedFeed("test", Feed.model_validate(declared))


def hdfs_sink(**more: Any) -> dict[str, Any]:
    """A sink of files by day."""
    return {
        "type": "hdfs",
        "root": "/feed",
        "format": "json",
        "by": "day",
        "files": "weather",
        "columns": COLUMNS,
        **more,
    }


def stage_of(feed: NamedFeed, sink: str, rejects: list[Reject] | None = None, now: int = 0) -> Stage:
    """A stage without servers."""
    assert feed.declaration.topic is not None
    topic = feed.declaration.topic.name
    reader = Reader(f"feed/test/{sink}", RowReader(feed.declaration, sink, topic).read)
    return Stage(Settings(), feed, sink, topic, reader, _collect(rejects), lambda: now)


def folder_on(store: Store, stage: Stage, root: str | None = None) -> FeedFolder:
    """The folder of a stage, on any store."""
    table = stage.feed.declaration.sinks[stage.sink]
    assert isinstance(table, HdfsSink)
    shape = FolderShape(root or table.root, table.by, table.files)
    return FeedFolder(stage, store, shape, FORMATS[table.format](stage.columns))


def _collect(rejects: list[Reject] | None) -> Any:
    def send(some: Sequence[Reject]) -> None:
        if rejects is not None:
            rejects.extend(some)

    return send
