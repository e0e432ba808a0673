"""Posts in CSV: a row a post, columns found by the header's names.

A quoted cell may span lines. A quote that is never closed would take all rows after it into its cell, so it is bounded:
a record that spans lines is taken only if it is well-formed, has as many cells as the header, and ends within
`MOST_LINES` lines; else its first line alone is refused, and reading goes on at the line after it.
"""

import csv
import re
from collections.abc import Iterator

import msgspec

from config.errors import BadRecordError, UsageError
from ingest.sources.formats import Item, Reading, utf8
from ingest.sources.lines import MOST_BYTES, Lines
from ingest.sources.times import time_of, time_of_id

csv.field_size_limit(MOST_BYTES)

MOST_LINES = 100
"""Lines that one record may span."""
MOST_RECORD_BYTES = 1_000_000
"""Bytes that a record of several lines may have."""

GUESSES = {
    "id": ("tweetid", "id", "idstr", "statusid", "postid"),
    "text": ("tweet", "text", "fulltext", "tweettext", "content", "body"),
    "time": ("createdat", "time", "timestamp", "datetime", "date", "postedat", "tweetcreatedat"),
    "lang": ("lang", "language"),
}
"""Column names looked for, without case, blanks, `_` and `-`, the first that is there."""
NEEDED = ("id", "text")

_ROUNDED = re.compile(r"\d(\.\d+)?[eE]\+?\d+", re.ASCII)


class Columns(msgspec.Struct, frozen=True, kw_only=True, tag_field="format", tag="csv"):
    """Where a post is in a row."""

    id: int
    text: int
    time: int | None = None
    lang: int | None = None
    cells: int
    """Cells that a row has."""
    delimiter: str = ","
    source: str = "x"


class _OneLine:
    """Feeds a csv reader one record at a time, so that no record can take in the next."""

    record = ""

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if not self.record:
            raise StopIteration
        record, self.record = self.record, ""
        return record


class CsvReader:
    """Reads rows with the columns given."""

    header_lines = 1

    def __init__(self, columns: Columns, reading: Reading) -> None:
        self.columns = columns
        self.spec = msgspec.json.encode(columns).decode()
        self.has_lang = columns.lang is not None
        self._reading = reading
        self._feed = _OneLine()
        self._rows = csv.reader(self._feed, delimiter=columns.delimiter)

    def frame(self, lines: Lines) -> bytes:
        """One line, or several where a quoted cell spans them (see the module)."""
        line = lines.next()
        if not line.count(b'"') & 1:
            return line
        taken = [line]
        while len(taken) < MOST_LINES and sum(map(len, taken)) < MOST_RECORD_BYTES and (further := lines.next()):
            taken.append(further)
            if further.count(b'"') & 1:
                whole = b"".join(taken)
                if self._well_formed(whole):
                    return whole
                break
        lines.back(taken[1:])
        return line

    def read(self, record: bytes) -> list[Item]:
        """The post of a row."""
        text = utf8(record)
        if "\0" in text:
            raise BadRecordError("holds a NUL byte")
        cells = self._cells(text)
        if not cells:
            return []
        columns = self.columns
        id_ = cells[columns.id].strip(" '\t")
        if not id_.isdigit() and _ROUNDED.fullmatch(id_):
            raise BadRecordError(f"an id that lost digits in a spreadsheet: {id_}")
        told = cells[columns.time].strip() if columns.time is not None else ""
        lang = cells[columns.lang].strip() or None if columns.lang is not None else None
        created_at = time_of(told) if told else time_of_id(id_)
        return [self._reading.post(id_, created_at, cells[columns.text], text, lang)]

    def _cells(self, text: str) -> list[str]:
        self._feed.record = text
        try:
            cells = next(self._rows)
        except csv.Error as error:
            raise BadRecordError(f"not CSV: {error}") from None
        if cells and len(cells) != self.columns.cells:
            self._refuse_count(cells)
        if cells and cells[-1].endswith("\n") and not self._well_formed(text.encode()):
            raise BadRecordError(f"a quote that is not closed, or not within {MOST_LINES} lines")
        return cells

    def _refuse_count(self, cells: list[str]) -> None:
        wanted = self.columns.cells
        if cells[-1].endswith("\n"):
            raise BadRecordError(f"a quote that is not closed, or not within {MOST_LINES} lines")
        if len(cells) < wanted or any(cells[wanted:]):  # empty cells beyond the last do no harm
            raise BadRecordError(f"{len(cells)} cells where the header has {wanted}")

    def _well_formed(self, record: bytes) -> bool:
        try:
            rows = list(csv.reader([utf8(record)], delimiter=self.columns.delimiter, strict=True))
        except (csv.Error, BadRecordError):
            return False
        return len(rows) == 1 and len(rows[0]) == self.columns.cells


def columns_of(header: bytes, asked: dict[str, str], source: str, where: str) -> Columns:
    """Find the columns in a header line. `asked` names columns by hand: `{"text": "Message"}`. Raises `UsageError`."""
    line = header.decode(errors="replace").lstrip("\ufeff")
    delimiter = max(",\t;", key=line.count)
    names = next(csv.reader([line], delimiter=delimiter), [])
    plain = [_plain(name) for name in names]
    found: dict[str, int] = {}
    for role, guesses in GUESSES.items():
        wanted = (_plain(asked[role]),) if role in asked else guesses
        at = next((plain.index(name) for name in wanted if name in plain), None)
        if at is not None:
            found[role] = at
        elif role in asked or role in NEEDED:
            raise UsageError(
                f"no column {asked[role]!r}" if role in asked else f"can't tell which column is the {role}",
                where=where,
                next_step=f"Name it with --{role}-column; the first line has: {', '.join(map(repr, names))[:400]}",
            )
    return Columns(cells=len(names), delimiter=delimiter, source=source, **found)


def _plain(name: str) -> str:
    return re.sub(r"[\s_\-]", "", name).lower()
