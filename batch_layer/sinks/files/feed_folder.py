"""FeedFolder: the folder of one sink on HDFS, and what its manifests say. Writer, place and intake begin here."""

import re
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Any, NamedTuple

from batch_layer.sinks.contract import Stage
from batch_layer.sinks.files.row_format import RowFormat
from batch_layer.storage.chunk_files.attempts import partition_of
from batch_layer.storage.chunk_files.chunk_manifest import ChunkManifest, FilePart, ManifestCodec
from batch_layer.storage.chunk_files.commit_log import CommitLog
from batch_layer.storage.chunk_files.file_paths import FilePaths, Terms
from batch_layer.storage.chunk_files.layout import Layout
from batch_layer.storage.chunk_files.placement import Site, finish_all
from batch_layer.storage.file_store import Store
from config.decoding import decoding
from config.errors import DamagedError, NoDataError, UsageError
from config.quantity import quantity
from ingest.feeds.declaration.model import Column

_FOLDERS = {"none": "", "day": r"dt=\d{4}-\d\d-\d\d", "hour": r"dt=\d{4}-\d\d-\d\d/hour=\d\d"}
"""Regular expressions of the folders of rows: those that `RowReader` gives as labels."""
LABELS: dict[str, tuple[str, ...]] = {"none": (), "day": ("dt",), "hour": ("dt", "hour")}
"""Names that folders give to their values, as columns of a table."""
REBUILD = "rebuild the sink"
"""Advice that fills a folder again, from what the sink reads."""
THREADS = 4
"""Uploads and reads at a time."""


class FolderShape(NamedTuple):
    """What one kind of sink says of its files."""

    root: str
    by: str
    files: str
    """How names begin."""


class FeedFolder:
    """One root, its layout and its format."""

    def __init__(self, stage: Stage, store: Store, shape: FolderShape, rows: RowFormat) -> None:
        """Raises `UsageError` where a column has the name of a folder."""
        where = f"feed {stage.feed.name}, sinks.{stage.sink}"
        for name in LABELS[shape.by]:
            if name in rows.columns:
                raise UsageError(
                    f"by = {shape.by!r} makes folders {name}=…, and a column has that name",
                    where=where,
                    next_step="Rename the column",
                )
        self.store = store
        self.rows = rows
        self.by = shape.by
        layout = Layout(_FOLDERS[shape.by], re.escape(f"{shape.files}_"), rows.extension)
        self.label = re.compile(_FOLDERS[shape.by], re.ASCII)
        """What each label matches."""
        codec = ManifestCodec(ChunkManifest, layout)
        terms = Terms(
            folder="the folder",
            writer="stage",
            root_key=f"{where}.root",
            topic_key="its topic",
            other_topic="Rebuild the sink: that empties it first",
            lost_manifest=REBUILD,
        )
        self.paths = FilePaths(shape.root, stage.topic, f"{shape.files}_", layout, codec, terms)

    def partitions(self) -> list[int]:
        """The partitions that have a log."""
        numbers = (partition_of(entry.name) for entry in self.store.entries(self.paths.all_commits))
        return sorted(number for number in numbers if number is not None)

    def log(self, partition: int) -> CommitLog[ChunkManifest]:
        """The log of a partition, unread."""
        return CommitLog(self.store, self.paths, partition)

    def read_on(self, log: CommitLog[ChunkManifest], threads: Executor) -> list[ChunkManifest]:
        """The next manifests of a log, their parts in their places. Raises `DamagedError` where the log has damage."""
        manifests = log.read_on(threads)
        if manifests:
            for _, error in finish_all(Site(self.store, self.paths, threads), manifests):
                raise error
        if log.damage is not None:
            raise log.damage
        return manifests

    def manifests(self) -> dict[int, list[ChunkManifest]]:
        """All manifests, by partition."""
        with ThreadPoolExecutor(THREADS) as threads:
            return {number: self.read_on(self.log(number), threads) for number in self.partitions()}

    def read(self, part: FilePart, names: Collection[str]) -> list[dict[str, Any]]:
        """These columns of a part. Raises `DamagedError` where it contradicts its manifest."""
        path = self.paths.absolute(part.path)
        raw = self.store.get(path)
        if raw is None or len(raw) != part.bytes:
            what = "the file is missing" if raw is None else f"{quantity(len(raw), 'byte')} instead of {part.bytes}"
            raise DamagedError(what, where=path, next_step=f"Restore it from a backup of HDFS, or {REBUILD}")
        with decoding("file", path, f"Restore it from a backup of HDFS, or {REBUILD}"):
            return list(self.rows.decode(raw, names))

    def offset_column(self) -> str:
        """The column of the offset. Raises `NoDataError` where there is none."""
        return self._column("$offset", "rows of this sink do not hold their offset")

    def value_column(self) -> str:
        """The column of the whole record. Raises `UsageError` where there is none."""
        try:
            return self._column("$value", "no column holds the record")
        except NoDataError as error:
            raise UsageError(error.what, where=error.where, next_step='Add one with from = "$value"') from None

    def columns_from(self, expression: str) -> Iterator[tuple[str, Column]]:
        """The columns that an expression fills."""
        return ((name, column) for name, column in self.rows.columns.items() if column.from_ == expression)

    def ordered(self, manifest: ChunkManifest, names: Sequence[str]) -> list[dict[str, Any]]:
        """The rows of a chunk by offset: these columns and that of the offset."""
        offset = self.offset_column()
        rows = [row for part in manifest.parts for row in self.read(part, {offset, *names})]
        return sorted(rows, key=lambda row: int(row[offset]))

    def _column(self, expression: str, what: str) -> str:
        for name, _ in self.columns_from(expression):
            return name
        raise NoDataError(what, where=self.paths.root)
