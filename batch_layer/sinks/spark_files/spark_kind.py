"""The kind `hdfs` of sinks, written by Spark: what lies on HDFS is what Python would write."""

from batch_layer.delivery.chunk import Bounds
from batch_layer.delivery.start_line import Start
from batch_layer.sinks.contract import Loop, SinkKind, Stage
from batch_layer.sinks.files.hdfs_kind import HDFS


def _loop(stage: Stage, bounds: Bounds, start: Start) -> Loop:
    from batch_layer.sinks.files.hdfs_files import folder_of  # noqa: PLC0415 - loads the client of HDFS
    from batch_layer.sinks.spark_files.spark_stage import SparkStage  # noqa: PLC0415 - Spark loads for a second

    return SparkStage(stage, folder_of(stage), bounds, start)


HDFS_BY_SPARK = SinkKind(HDFS.make_sink, HDFS.make_place, HDFS.guarantee, _loop)
