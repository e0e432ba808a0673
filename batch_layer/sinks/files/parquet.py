"""Parquet by pyarrow, each column with the type that its table of Hive has.

A timestamp is INT64 microseconds in UTC; that of a column with a zone is a wall clock without one. A `json` column is
its text.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from io import BytesIO
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from batch_layer.sinks.files.row_format import RowFormat
from ingest.feeds.declaration.model import Column
from ingest.feeds.rows.row_reader import Row

_TYPES = {
    "string": pa.string(),
    "int": pa.int32(),
    "bigint": pa.int64(),
    "double": pa.float64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "json": pa.string(),
    "bytes": pa.binary(),
}


class Parquet(RowFormat):
    """See `FileFormat`."""

    extension = "parquet"

    def __init__(self, columns: Mapping[str, Column], wall_clock_zone: str | None = None) -> None:
        """`wall_clock_zone`: the zone that readers suppose for a wall clock; None: they suppose none."""
        super().__init__(columns)
        kinds = [(name, _type_of(column, wall_clock_zone)) for name, column in columns.items()]
        self._schema = pa.schema(kinds)

    def encode(self, rows: Sequence[Row]) -> bytes:
        """See `FileFormat`."""
        cells = zip(*(row.cells for row in rows), strict=True)
        arrays = [pa.array(list(column), field.type) for column, field in zip(cells, self._schema, strict=True)]
        file = BytesIO()
        pq.write_table(pa.table(arrays, self._schema), file, compression="snappy")
        return file.getvalue()

    def decode(self, raw: bytes, names: Collection[str]) -> Iterator[dict[str, Any]]:
        """See `RowFormat`."""
        for batch in pq.ParquetFile(BytesIO(raw)).iter_batches(columns=list(names)):
            yield from batch.to_pylist()


def _type_of(column: Column, wall_clock_zone: str | None) -> pa.DataType:
    if column.type == "timestamp":
        return pa.timestamp("us", tz=wall_clock_zone if column.zone else "UTC")
    return _TYPES[column.type]
