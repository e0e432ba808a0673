"""Layouts: where the records of a content are: a line each or several, in arrays and documents, in rows of columns."""

from collections.abc import Callable
from functools import partial
from typing import Any, Generic, NamedTuple, Protocol

from ingest.sources.base import T
from ingest.sources.files.cursor import FileCursor
from ingest.sources.formats.contract import FileRecordReader
from ingest.sources.formats.elements import Elements
from ingest.sources.formats.lines import Lines
from ingest.sources.unpacking.content import Content


class Records(Protocol):
    """The records of a content, and the position in them."""

    at: int
    """Position behind the record given last, in the unit of the layout."""
    number: int
    """Lines before it."""
    within: str
    """The containers around the position (see `Elements`)."""
    within_before: str
    """`within` before the record given last."""
    cut: bool
    """Whether `next` cut the record given last because it was too long."""


class RecordStream(NamedTuple):
    """The records of an open content from a position on."""

    records: Records
    next: Callable[[], bytes]
    """The next record, or nothing at the end. Raises one of `BROKEN` where the file is."""
    stored_bytes: Callable[[], int]
    """Position in the file as stored."""


Layout = Callable[[Content, FileRecordReader[Any], FileCursor], RecordStream]
"""Begins to read the records of a content at a position."""


class Choice(NamedTuple, Generic[T]):
    """A reader for a content, and where it finds its records."""

    reader: FileRecordReader[T]
    layout: Layout


def in_lines(content: Content, reader: FileRecordReader[Any], start: FileCursor) -> RecordStream:
    """Records that the reader frames from lines."""
    lines = Lines(content, start.byte, start.line)
    for _ in range(reader.header_lines if start.byte == 0 else 0):
        lines.next()
    return RecordStream(lines, partial(reader.frame, lines), content.stored_bytes)


def in_documents(content: Content, _reader: FileRecordReader[Any], start: FileCursor) -> RecordStream:
    """Records in arrays, and documents over many lines."""
    elements = Elements(content, start.byte, start.line, start.within)
    return RecordStream(elements, elements.next, content.stored_bytes)


def in_whole_documents(content: Content, _reader: FileRecordReader[Any], start: FileCursor) -> RecordStream:
    """Records in arrays, and documents that are one record each."""
    elements = Elements(content, start.byte, start.line, start.within, whole=True)
    return RecordStream(elements, elements.next, content.stored_bytes)


def in_rows(file: Any) -> Layout:
    """Rows of a Parquet file, as `open_parquet` gives it."""

    def begin(content: Content, _reader: FileRecordReader[Any], start: FileCursor) -> RecordStream:
        from ingest.sources.formats.parquet_rows import ParquetRows  # noqa: PLC0415 - it takes 0.7 s, which others need not

        rows = ParquetRows(content, file, start.byte)
        return RecordStream(rows, rows.next, rows.stored_bytes)

    return begin
