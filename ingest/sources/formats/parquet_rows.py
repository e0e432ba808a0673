"""Rows of a Parquet file, as JSON: columns by name, as tables have them; read a row group at a time.

The position is the number of the row, which is the number of its line too. The reader skips groups of rows before it.
Times that Parquet types as such come as ISO 8601, and those without a zone are UTC.
"""

from collections.abc import Iterator
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from config.errors import UsageError
from ingest.sources.formats.csv_header import NEEDED, roles_of
from ingest.sources.unpacking.content import Content

ROWS_AT_ONCE = 1_000
_TIME = "us"


class ParquetRows:
    """The rows of one content, each a JSON object, from a row on."""

    within = within_before = ""
    cut = False

    def __init__(self, content: Content, file: Any, at: int = 0) -> None:
        """`file`: the content, as `open_parquet` gives it."""
        self._file = file
        self._stored = content.size
        self.at = self.number = at
        """Rows given."""
        self._rows = self._from(at)
        self._to_json = msgspec.json.Encoder(enc_hook=str).encode

    def next(self) -> bytes:
        """The next row, or nothing at the end. Raises `OSError` for a broken file."""
        row = next(self._rows, None)
        if row is None:
            return b""
        self.at = self.number = self.at + 1
        return row

    def stored_bytes(self) -> int:
        """About how many bytes of the file as stored it has read."""
        return int(self._stored * self.at / max(self._file.metadata.num_rows, 1))

    def _from(self, at: int) -> Iterator[bytes]:
        """Rows from one on."""
        first = 0
        for group in range(self._file.num_row_groups):
            count = self._file.metadata.row_group(group).num_rows
            if at < first + count:
                skip = max(at - first, 0)
                for batch in self._batches(group):
                    if skip < batch.num_rows:
                        yield from map(self._encode_row, _rows(batch.slice(skip)))
                    skip = max(skip - batch.num_rows, 0)
            first += count

    def _batches(self, group: int) -> Iterator[Any]:
        try:
            yield from self._file.iter_batches(ROWS_AT_ONCE, row_groups=[group])
        except (pa.ArrowException, ValueError) as error:
            raise OSError(f"group of rows {group}: {str(error).splitlines()[0][:200]}") from None

    def _encode_row(self, row: dict[str, Any]) -> bytes:
        try:
            return self._to_json(row)
        except (UnicodeError, ValueError, RecursionError) as error:
            return self._to_json({"unreadable": str(error)[:200]})


def open_parquet(content: Content) -> Any:
    """The file. Raises `UsageError` for a pipe, a packed file, or a file that is no whole Parquet file."""
    if content.once or content.packed:
        raise UsageError("a Parquet file is read from its end, so neither from a pipe nor packed", where=content.where,
                         next_step="Store it as it is, and name the file")  # fmt: skip
    content.file.seek(0)
    try:
        return pq.ParquetFile(content.file)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise UsageError(f"a Parquet file that can't be read: {str(error).splitlines()[0][:200]}", where=content.where,
                         next_step="Its end may be missing: fetch it again") from None  # fmt: skip


def fields_of(file: Any, asked: dict[str, str], where: str) -> dict[str, str]:
    """The columns of a file by role, as field names. Raises `UsageError` for a missing one."""
    names = file.schema_arrow.names
    found = roles_of(names, asked)
    for role in (*asked, *NEEDED):
        if role not in found:
            raise UsageError(
                f"no column {asked[role]!r}" if role in asked else f"can't find the column of the {role}",
                where=where,
                next_step=f"Name it with --{role}-column; it has: {', '.join(map(repr, names))[:400]}",
            )
    return {role: names[at] for role, at in found.items()}


def _rows(batch: Any) -> list[dict[str, Any]]:
    """The rows of a batch. An unreadable row leaves the others intact."""
    batch = pa.RecordBatch.from_arrays([_readable(column) for column in batch.columns], names=batch.schema.names)
    try:
        return batch.to_pylist()  # type: ignore[no-any-return] # so it is
    except (UnicodeDecodeError, ValueError):
        return [_row(batch.slice(at, 1)) for at in range(batch.num_rows)]


def _row(batch: Any) -> dict[str, Any]:
    try:
        return batch.to_pylist()[0]  # type: ignore[no-any-return] # so it is
    except (UnicodeDecodeError, ValueError) as error:
        return {"unreadable": str(error)[:200]}


def _readable(column: Any) -> Any:
    """Times of nanoseconds cut to Python's precision; binary as text, if it is."""
    type_ = column.type
    if pa.types.is_dictionary(type_):
        return _readable(column.dictionary_decode())
    if pa.types.is_timestamp(type_):
        return column.cast(pa.timestamp(_TIME, type_.tz), safe=False)
    if pa.types.is_time64(type_):
        return column.cast(pa.time64(_TIME), safe=False)
    return column
