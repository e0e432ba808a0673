"""The registry of sinks: the place to add a new kind. It names modules as text, so importing it loads none of them."""

from importlib import import_module

from batch_layer.sinks.contract import SinkKind
from config.errors import UsageError
from ingest.feeds.declaration.model import SinkTable

KINDS: dict[tuple[str, str], str] = {
    ("csv", "python"): "batch_layer.sinks.csv_file.csv_sink:CSV_FILE",
    ("postgres", "python"): "batch_layer.sinks.postgres.postgres_kind:KIND",
    ("hdfs", "python"): "batch_layer.sinks.files.hdfs_kind:HDFS",
    ("hdfs", "spark"): "batch_layer.sinks.spark_files.spark_kind:HDFS_BY_SPARK",
    ("topic", "python"): "batch_layer.sinks.topic_copy.copy_sink:TOPIC_COPY",
    ("hive", "python"): "batch_layer.sinks.hive.hive_kind:HIVE",
}
"""By type and engine, as a feed's file names them: `module:kind`, a `SinkKind`."""


def kind_of(table: SinkTable) -> SinkKind:
    """The kind of a sink. Raises `UsageError` for a combination that nobody has written."""
    engine = getattr(table, "engine", "python")
    place = KINDS.get((table.type, engine))
    if place is None:
        raise UsageError(f"no sink of type {table.type} is written by {engine}")
    module, _, attribute = place.partition(":")
    kind: SinkKind = getattr(import_module(module), attribute)
    return kind
