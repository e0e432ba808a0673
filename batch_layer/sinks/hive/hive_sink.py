"""HiveFileSink: an external table over Parquet files in the warehouse, which Python writes."""

from batch_layer.sinks.contract import Stage
from batch_layer.sinks.files.feed_folder import LABELS, FeedFolder, FolderShape
from batch_layer.sinks.files.files_place import FilesPlace
from batch_layer.sinks.files.files_sink import CommitLogger, FeedFileSink
from batch_layer.sinks.files.parquet import Parquet
from batch_layer.sinks.hive.hive_table import HiveTable, TableShape
from batch_layer.sinks.hive.registration import Registration
from batch_layer.storage.chunk_files.chunk_manifest import ChunkManifest
from batch_layer.storage.hive_server import HiveServer
from batch_layer.storage.webhdfs import HdfsStore
from config.errors import UsageError
from config.settings import Settings
from ingest.feeds.declaration.model import ColumnType, HiveSink

_TYPES: dict[ColumnType, str] = {
    "string": "string",
    "int": "int",
    "bigint": "bigint",
    "double": "double",
    "boolean": "boolean",
    "timestamp": "timestamp",
    "date": "date",
    "json": "string",
    "bytes": "binary",
}
"""Types of Hive. Sessions show a timestamp in UTC; that of a column with a zone is the zone's wall clock."""


def folder_of(stage: Stage) -> FeedFolder:
    """The folder of the table's files."""
    table = declared_table(stage)
    rows = Parquet(stage.columns, wall_clock_zone="UTC")
    root = table_folder(stage.settings, table.table)
    return FeedFolder(stage, HdfsStore(stage.settings.hdfs), FolderShape(root, table.by, table.table), rows)


def table_of(stage: Stage) -> HiveTable:
    """The table that the feed's file declares."""
    declared = declared_table(stage)
    columns = tuple((name, _TYPES[column.type]) for name, column in stage.columns.items())
    location = f"{stage.settings.hdfs.name_node}{table_folder(stage.settings, declared.table)}"
    return HiveTable(HiveServer(stage.settings), declared.table, TableShape(columns, LABELS[declared.by], location))


def table_folder(settings: Settings, table: str) -> str:
    """The folder of a table in the warehouse. Hive puts no table of its own there: its names have no dots."""
    return f"{settings.hive.warehouse}/feeds.tables/{settings.hive.database}.{table}"


class HiveFileSink(FeedFileSink):
    """See `Sink`. A commit waits for files alone; the registration of a new day follows."""

    def __init__(self, stage: Stage) -> None:
        folder = folder_of(stage)
        self._registration = Registration(table_of(stage), lambda: _labels(folder))
        super().__init__(stage, folder, _Registering(stage, self._registration))

    def prepare(self) -> None:
        """See `Sink`. Raises `UsageError` where the table has another shape."""
        super().prepare()
        self._registration.begin()

    def close(self) -> None:
        """See `Sink`."""
        super().close()
        self._registration.end()


class HivePlace(FilesPlace):
    """See `Place`."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage, folder_of(stage))
        self._table = table_of(stage)

    def clear(self) -> None:
        """See `Place`. Deletes the table too: the next stage makes it again, with the columns of then."""
        try:
            self._table.drop()
        finally:
            self._table.close()
        super().clear()

    def unregistered(self) -> list[str]:
        """Folders that manifests name and the table does not know. Raises `UnavailableError`."""
        try:
            known = self._table.folders() if self._table.exists() else set()
            return sorted(_labels(self._folder) - known)
        finally:
            self._table.close()


class _Registering(CommitLogger):
    """Registers the folders of each chunk."""

    def __init__(self, stage: Stage, registration: Registration) -> None:
        super().__init__(stage.feed.name, stage.sink)
        self._registration = registration

    def added(self, manifest: ChunkManifest) -> None:
        """See `Observer`. Raises `UsageError` once Hive has refused the table."""
        super().added(manifest)
        self._registration.note(part.label for part in manifest.parts if part.label)
        self._registration.check()


def _labels(folder: FeedFolder) -> set[str]:
    logs = folder.manifests().values()
    return {part.label for log in logs for manifest in log for part in manifest.parts if part.label}


def declared_table(stage: Stage) -> HiveSink:
    """What the feed's file says of the sink."""
    table = stage.feed.declaration.sinks[stage.sink]
    if not isinstance(table, HiveSink):
        raise UsageError("it is no table of Hive", where=f"feed {stage.feed.name}, sinks.{stage.sink}")
    return table
