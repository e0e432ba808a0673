"""FileRecordSource: the records of a feed in files: rows of tables, JSON objects, or words of texts."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import msgspec

from config.errors import UsageError
from ingest.feeds.declaration.model import FileRecords
from ingest.feeds.record import Record
from ingest.feeds.rows.expressions import compile_search
from ingest.feeds.sources.files.record_readers import ObjectRecords, RowRecords, TableForm, Timing, WordRecords
from ingest.feeds.sources.files.text_pieces import TextPieces
from ingest.feeds.sources.source_request import SourceRequest
from ingest.hours import Millis
from ingest.sources.files.cursor import FileCursor, expand_paths
from ingest.sources.files.detect import is_document
from ingest.sources.files.layouts import Choice, RecordStream, in_lines, in_whole_documents
from ingest.sources.files.post_files import name_of_files
from ingest.sources.files.source import FileSource, NextSteps
from ingest.sources.formats.contract import FileRecordReader
from ingest.sources.formats.csv_table import table_of
from ingest.sources.selection import AllItems
from ingest.sources.unpacking.content import HEAD_BYTES, Content
from ingest.sources.unpacking.packing import refuse_unreadable

CHANGED = "Give the file another name: the feed then reads it from its beginning"
STEPS = NextSteps(
    changed=CHANGED,
    refused="Nothing of it is written. Look into the file, and at `format` in the [source] of the feed's file",
)


class FileRecordSource(FileSource[Record]):
    """The records of files, as a feed declares them. Paths, format and event time make the name."""

    def __init__(self, source: FileRecords, now: Callable[[], Millis], say: Callable[[str], None]) -> None:
        """Raises `UsageError` where no file is there, or `at` does not compile."""
        files = expand_paths([source.path])
        self._format = source.format
        self._timing = timing_of(source, now)
        self._say = say
        name = name_of_files([source.path], files, [source.format, source.at])
        super().__init__(files, name, self._choose_reader, AllItems(), steps=STEPS)

    def _choose_reader(self, content: Content) -> Choice[Record] | None:
        """The reader of a content; none for an empty one. Raises `UsageError` for what can't be read that way."""
        if content.broken is not None and not content.head:
            raise UsageError(f"it can't be unpacked: {content.broken}", where=content.where, next_step="Fetch it again")
        if content.parquet:
            raise UsageError("it is a Parquet file", where=content.where, next_step="Write it as CSV or JSON Lines")
        refuse_unreadable(content.head, content.where)
        if content.blank and not content.longer:
            return None
        if self._format == "words":
            return Choice(WordRecords(self._timing, content.where, content.name), in_pieces)
        if content.blank:
            raise UsageError(f"its first {HEAD_BYTES:,} bytes are blank", where=content.where, next_step="Look into it")
        if self._format == "json":
            layout = in_whole_documents if is_document(content) else in_lines
            return Choice(ObjectRecords(self._timing, content.where), layout)
        return self._table(content)

    def _table(self, content: Content) -> Choice[Record]:
        table = table_of(content.head, content.where)
        if table.renamed:
            self._say(f"{content.name}: columns without a name of their own became {', '.join(table.renamed)}")
        return Choice(RowRecords.of_table(table, self._timing, content.where), in_lines)


def make(request: SourceRequest[FileRecords]) -> FileRecordSource:
    """The source of a feed of files. Raises `UsageError`."""
    return FileRecordSource(request.table, request.now, request.say)


def reader_of(request: SourceRequest[FileRecords], spec: Mapping[str, Any], where: str) -> FileRecordReader[Record]:
    """The reader of a reject. Raises `UsageError` where the declaration is of another format now."""
    timing = timing_of(request.table, request.now)
    if spec.get("format") != request.table.format:
        raise UsageError(f"the format is {request.table.format} now", where="source.format")
    if request.table.format == "json":
        return ObjectRecords(timing, where)
    try:
        return RowRecords(msgspec.convert(spec, TableForm), timing, where)
    except msgspec.ValidationError as error:
        raise UsageError(f"not a table: {error}", where=where) from None


def in_pieces(content: Content, reader: FileRecordReader[Any], start: FileCursor) -> RecordStream:
    """Pieces of a text: see `TextPieces`."""
    pieces = TextPieces(content, start.byte, start.line)
    return RecordStream(pieces, partial(reader.frame, pieces), content.stored_bytes)


def timing_of(source: FileRecords, now: Callable[[], Millis]) -> Timing:
    """The event time of a source's records. Raises `UsageError`."""
    try:
        return Timing(compile_search(source.at) if source.at else None, now)
    except UsageError as error:
        raise UsageError(error.what, where="source.at") from None
