"""Parquet by pyarrow, each column with the type that its table of Hive has.

A timestamp is INT64 microseconds in UTC; that of a column with a zone is a wall clock without one. A `json` column is
its text.
"""

from collections.abc import Collection, Iterator, Sequence
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

    def encode(self, rows: Sequence[Row]) -> bytes:
        """See `FileFormat`."""
        schema = pa.schema([(name, _type_of(column)) for name, column in self.columns.items()])
        cells = zip(*(row.cells for row in rows), strict=True)
        arrays = [pa.array(list(column), field.type) for column, field in zip(cells, schema, strict=True)]
        file = BytesIO()
        pq.write_table(pa.table(arrays, schema), file, compression="snappy")
        return file.getvalue()

    def decode(self, raw: bytes, names: Collection[str]) -> Iterator[dict[str, Any]]:
        """See `RowFormat`."""
        for batch in pq.ParquetFile(BytesIO(raw)).iter_batches(columns=list(names)):
            yield from batch.to_pylist()


def _type_of(column: Column) -> pa.DataType:
    if column.type == "timestamp":
        return pa.timestamp("us", tz=None if column.zone else "UTC")
    return _TYPES[column.type]
