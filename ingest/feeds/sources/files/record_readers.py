"""Readers of the records of files: rows of a table, JSON objects, words of a text."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from config.errors import BadRecordError
from ingest.feeds.event_time import FUTURE_MS, event_time
from ingest.feeds.record import Record
from ingest.feeds.rows.expressions import Search
from ingest.feeds.sources.files.text_pieces import refuse_long, words_of
from ingest.hours import Millis, check_event_time
from ingest.sources.formats.contract import utf8, why_not
from ingest.sources.formats.csv_cells import Escape
from ingest.sources.formats.csv_rows import CsvRows
from ingest.sources.formats.csv_table import Table
from ingest.sources.formats.lines import Lines


class Timing:
    """The event time of a record: by the `at` of the feed's source, else the moment of reading."""

    def __init__(self, at: Search | None, now: Callable[[], Millis]) -> None:
        self._at = at
        self._now = now

    def of(self, value: Any) -> Millis:
        """Milliseconds. Raises `BadRecordError` where `at` gives no time, or one that no stage would take."""
        now = self._now()
        if self._at is None:
            return now
        moment = event_time(self._at(value))
        check_event_time(moment, now, FUTURE_MS)
        return moment


class TableForm(msgspec.Struct, frozen=True, tag_field="format", tag="csv"):
    """A table as `Reject.reader` keeps it: all that its rows need to be read again."""

    names: tuple[str, ...]
    delimiter: str
    escape: Escape


class RowRecords(CsvRows):
    """Rows of a table. A record is an object: cells as texts, by the names of their columns."""

    def __init__(self, form: TableForm, timing: Timing, where: str, header_lines: int = 0) -> None:
        super().__init__(form.delimiter, len(form.names), form.escape, header_lines)
        self.spec = msgspec.json.encode(form).decode()
        self._names = form.names
        self._timing = timing
        self._where = where
        self._line = 0

    @classmethod
    def of_table(cls, table: Table, timing: Timing, where: str) -> "RowRecords":
        """Of a file whose header has been read."""
        return cls(TableForm(table.names, table.delimiter, table.escape), timing, where, table.lines)

    def frame(self, lines: Lines) -> bytes:
        """See `CsvRows`."""
        self._line = lines.number + 1
        return super().frame(lines)

    def read(self, record: bytes) -> Sequence[Record]:
        """The record of a row."""
        _, cells = self.cells(record)
        if not cells:
            return ()
        value = dict(zip(self._names, cells, strict=False))  # empty cells beyond the last column hold nothing
        return (Record(f"{self._where}:{self._line}", self._timing.of(value), value),)


class _LineRecords(ABC):
    """Base of the readers that remember the line of their record."""

    header_lines = 0
    spec = ""

    def __init__(self, timing: Timing, where: str) -> None:
        self._timing = timing
        self._where = where
        self._line = 0

    def frame(self, lines: Lines) -> bytes:
        """A line."""
        self._line = lines.number + 1
        return lines.next()

    @abstractmethod
    def read(self, record: bytes) -> Sequence[Record]:
        """The records of a line. Raises `BadRecordError`."""


class ObjectRecords(_LineRecords):
    """JSON objects, in lines, arrays or documents. A record is the object."""

    spec = '{"format":"json"}'

    def read(self, record: bytes) -> Sequence[Record]:
        """The record of an object."""
        text = utf8(record).strip("\ufeff \t\r\n")
        if not text:
            return ()
        try:
            value = msgspec.json.decode(text)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
            raise BadRecordError(f"not JSON: {why_not(text, error)}") from None
        if not isinstance(value, dict):
            raise BadRecordError("not a JSON object")
        name = f"{self._where}:{self._line}" if self._line else self._where
        return (Record(name, self._timing.of(value), value),)


class WordRecords(_LineRecords):
    """Words of a text. A record is `{"word", "file", "line"}`.

    Nothing reads a reject of it again: a broken byte stays broken.
    """

    def __init__(self, timing: Timing, where: str, file: str) -> None:
        """`file`: its name in the records."""
        super().__init__(timing, where)
        self._file = file

    def read(self, record: bytes) -> Sequence[Record]:
        """The words of a piece of the text."""
        refuse_long(record)
        text = utf8(record).lstrip("\ufeff")
        name, line, file = f"{self._where}:{self._line}", self._line, self._file
        return [self._record(name, {"word": word, "file": file, "line": line}) for word in words_of(text)]

    def _record(self, name: str, value: dict[str, Any]) -> Record:
        return Record(name, self._timing.of(value), value)
