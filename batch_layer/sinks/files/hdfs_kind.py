"""The registry's entry for files on HDFS. It loads the client of HDFS when somebody makes a sink or a place."""

from typing import Any

from batch_layer.delivery.sink import Sink
from batch_layer.sinks.contract import Place, SinkKind, Stage


def _sink(stage: Stage) -> Sink[str, Any]:
    from batch_layer.sinks.files.hdfs_files import make_sink  # noqa: PLC0415 - loads the client of HDFS

    return make_sink(stage)


def _place(stage: Stage) -> Place:
    from batch_layer.sinks.files.hdfs_files import make_place  # noqa: PLC0415 - loads the client of HDFS

    return make_place(stage)


HDFS = SinkKind(_sink, _place, "once: the files of a chunk enter their folders behind one rename")
