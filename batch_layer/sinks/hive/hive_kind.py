"""The registry's entry for tables of Hive. It loads pyarrow and Hive's client when somebody makes a sink or a place."""

from typing import Any

from batch_layer.delivery.chunk import Bounds
from batch_layer.delivery.sink import Sink
from batch_layer.delivery.start_line import Start
from batch_layer.sinks.contract import Loop, Place, SinkKind, Stage
from ingest.feeds.declaration.model import ARCHIVE


def _sink(stage: Stage) -> Sink[str, Any]:
    from batch_layer.sinks.hive.hive_sink import HiveFileSink  # noqa: PLC0415 - loads pyarrow

    return HiveFileSink(stage)


def _place(stage: Stage) -> Place:
    from batch_layer.sinks.hive.hive_sink import HivePlace, declared_table  # noqa: PLC0415 - loads pyarrow

    if not _reads_archive(stage):
        return HivePlace(stage)
    from batch_layer.sinks.hive.posts_place import PostsPlace  # noqa: PLC0415 - loads fastavro

    return PostsPlace(stage.settings, declared_table(stage).table, stage.feed.name)


def _loop(stage: Stage, _bounds: Bounds, _start: Start) -> Loop | None:
    """The archiver has written the posts already: their stage registers hours."""
    if not _reads_archive(stage):
        return None
    from batch_layer.sinks.hive.posts_table import PostsStage  # noqa: PLC0415 - loads the archive's readers

    return PostsStage(stage.settings, stage.feed, stage.sink)


def _reads_archive(stage: Stage) -> bool:
    return stage.feed.declaration.sinks[stage.sink].from_ == ARCHIVE


HIVE = SinkKind(_sink, _place, "once: as files on HDFS; Hive learns of a new day behind the commit", _loop)
