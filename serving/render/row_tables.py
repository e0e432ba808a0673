"""Row tables: rows as Arrow tables and as Parquet. Needs pyarrow, so callers import this module when they need it."""

from collections.abc import Iterator
from zoneinfo import ZoneInfo

import pyarrow as pa
from pyarrow import parquet

from ingest.hours import Hour
from serving.render.row_text import pieces
from serving.render.rows import Cell, Rows, Type

_GROUP = 50_000
"""Rows in a row group of Parquet: some 10 MB while one is written."""


def arrow_schema(rows: Rows, tz: ZoneInfo) -> pa.Schema:
    """The columns: times are instants with a zone, tags are bare, every column may be null."""
    types: dict[Type, pa.DataType] = {
        "time": pa.timestamp("ms", tz.key),
        "tag": pa.string(),
        "text": pa.string(),
        "int": pa.int64(),
        "float": pa.float64(),
    }
    return pa.schema([(column.name, types[column.type]) for column in rows.columns])


def arrow_batches(rows: Rows, tz: ZoneInfo) -> Iterator[pa.RecordBatch]:
    """The rows in pieces."""
    schema = arrow_schema(rows, tz)
    for piece in pieces(rows.values):
        columns = zip(*([_plain(cell) for cell in row] for row in piece), strict=True)
        arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)


def arrow_table(rows: Rows, tz: ZoneInfo) -> pa.Table:
    """All rows as one table in memory."""
    return pa.Table.from_batches(arrow_batches(rows, tz), arrow_schema(rows, tz))


def parquet_bytes(rows: Rows, tz: ZoneInfo) -> Iterator[bytes]:
    """A Parquet file, piece by piece: a row group at a time is in memory."""
    sink = _Pieces()
    schema = arrow_schema(rows, tz)
    with parquet.ParquetWriter(pa.PythonFile(sink, "w"), schema, compression="zstd") as writer:
        group: list[pa.RecordBatch] = []
        for batch in arrow_batches(rows, tz):
            group.append(batch)
            if sum(each.num_rows for each in group) >= _GROUP:
                writer.write_table(pa.Table.from_batches(group, schema))
                group = []
                yield sink.take()
        if group:
            writer.write_table(pa.Table.from_batches(group, schema))
    yield sink.take()


def _plain(cell: Cell) -> str | int | float | None:
    return cell.start_ms if isinstance(cell, Hour) else cell


class _Pieces:
    """A file to write to, whose content is taken out piece by piece."""

    closed = False

    def __init__(self) -> None:
        self._content = bytearray()
        self._offset = 0

    def write(self, data: bytes) -> int:
        """Append."""
        self._content += data
        self._offset += len(data)
        return len(data)

    def tell(self) -> int:
        """Bytes that were ever written."""
        return self._offset

    def flush(self) -> None:
        """Nothing waits."""

    def close(self) -> None:
        """Nothing is open."""

    def take(self) -> bytes:
        """The bytes since the last call."""
        content = bytes(self._content)
        self._content.clear()
        return content
