"""Posts in tables of text: a row a post, columns found by the header's names (`csv_header`), cells by `csv_cells`.

A quoted cell may span lines. A quote without an end would take all rows after it into its cell. So the reader takes a
record that spans lines only if it is well-formed, has as many cells as the header, and ends within `MOST_LINES` lines;
else it refuses the first line alone, and goes on at the line after it.
"""

from typing import Any, Self

import msgspec

from config.errors import BadRecordError
from config.quantity import quantity
from ingest.sources.formats.contract import Item, Reading, utf8
from ingest.sources.formats.csv_cells import DoubledQuotes, Tabs, cells_of
from ingest.sources.formats.csv_header import Columns
from ingest.sources.formats.lines import Lines
from ingest.sources.formats.timestamps import join_day_and_time, time_of_id

MOST_LINES = 100
"""Lines that one record may span."""
MOST_RECORD_BYTES = 1_000_000
"""Bytes that a record of several lines may have."""


class CsvReader:
    """Reads rows with the columns given."""

    def __init__(self, columns: Columns, reading: Reading, header_lines: int = 1) -> None:
        self.columns = columns
        self.header_lines = header_lines
        self.spec = msgspec.json.encode(columns).decode()
        self.has_lang = columns.lang is not None
        self._reading = reading
        self._cells = cells_of(columns.delimiter, columns.cells, columns.escape)
        self._cells_of = self._cells.of
        self._places = (columns.id, columns.text, columns.time, columns.date, columns.lang, columns.cells)
        self._tabs = isinstance(self._cells, Tabs)
        self._doubled = isinstance(self._cells, DoubledQuotes)

    @classmethod
    def from_spec(cls, spec: dict[str, Any], reading: Reading) -> Self:
        """See `registry.make_reader`."""
        return cls(msgspec.convert(spec, Columns), reading)

    def frame(self, lines: Lines) -> bytes:
        """One line, or several where a quoted cell spans them (see the module)."""
        line = lines.next()
        if (self._doubled and not line.count(b'"') & 1) or not self._cells.open(line):  # as nearly every line is
            return line
        taken = [line]
        while len(taken) < MOST_LINES and sum(map(len, taken)) < MOST_RECORD_BYTES and (further := lines.next()):
            taken.append(further)
            if self._tabs and further.count(b"\t") == self.columns.cells - 1:  # a row of its own
                break
            if self._cells.is_complete(taken):
                whole = b"".join(taken)
                if self._well_formed(whole):
                    return whole
                break
        lines.back(taken[1:])
        return line

    def read(self, record: bytes) -> list[Item]:
        """The post of a row."""
        try:
            text = record.decode()
        except UnicodeDecodeError:
            text = utf8(record)  # which says why not
        if "\0" in text:
            raise BadRecordError("holds a NUL byte")
        cells = self._cells_of(text)
        if not cells:
            return []
        id_at, text_at, time_at, date_at, lang_at, count = self._places
        if len(cells) != count or cells[-1].endswith("\n"):
            self._check(text, cells)
        id_ = cells[id_at].strip(" '\t")
        if not id_.isdigit():
            id_ = self._reading.check_id(id_)
        time_text = cells[time_at].strip() if time_at is not None else ""
        if date_at is not None:
            time_text = join_day_and_time(cells[date_at].strip(), time_text)
        lang = cells[lang_at].strip() or None if lang_at is not None else None
        created_at = self._reading.moment(time_text, id_) if time_text else time_of_id(id_)
        return [self._reading.post(id_, created_at, cells[text_at], text, lang)]

    def _check(self, text: str, cells: list[str]) -> None:
        """Refuse a row that is not well-formed, or has not the cells that it should have."""
        wanted = self.columns.cells
        if cells[-1].endswith("\n") and (len(cells) != wanted or not self._cells.whole(text)):
            raise BadRecordError(f"a quote that is not closed, or not within {MOST_LINES} lines")
        if len(cells) < wanted or any(cells[wanted:]):  # empty cells beyond the last do no harm
            raise BadRecordError(f"{quantity(len(cells), 'cell')} where the header has {wanted}")

    def _well_formed(self, record: bytes) -> bool:
        try:
            return self._cells.whole(utf8(record))
        except BadRecordError:
            return False
