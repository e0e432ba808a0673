r"""Cells of a row's text, by the three ways in which tables write a delimiter or a quote inside a cell.

- `doubled` (RFC 4180): a cell in quotes, quotes in it doubled.
- `backslash` (Spark, MySQL, Hive): a cell in quotes or not, `\"` and `\\` in it; `\n`, `\t` and `\r` stand for
  the characters that they name, and a cell `\N` is empty. A doubled quote is a quote as well.
- `tabs`: tab-separated files do not quote. A quote is a character, unless quotes enclose the whole cell on its line.
"""

import csv
import re
from collections.abc import Iterator
from typing import Literal, Protocol

from config.errors import BadRecordError
from ingest.sources.formats.lines import MOST_BYTES

csv.field_size_limit(MOST_BYTES)

Escape = Literal["doubled", "backslash"]

_ESCAPED = re.compile(rb"\\.", re.DOTALL)
_NAMED = re.compile(r"\\(.)", re.DOTALL)
_NAMES = {"n": "\\\n", "t": "\\\t", "r": "\\\r"}


class Cells(Protocol):
    """Makes cells of a record, which may span lines."""

    def open(self, line: bytes) -> bool:
        """Whether a line ends within a quoted cell, or may do so."""
        ...

    def is_complete(self, taken: list[bytes]) -> bool:
        """Whether the last of the lines that follow each other closes the cell that the first left open."""
        ...

    def whole(self, record: str) -> bool:
        """Whether a text is exactly one well-formed row with as many cells as the header."""
        ...

    def of(self, record: str) -> list[str]:
        """The cells of a record, a damaged one as far as possible; none of a blank one. Raises `BadRecordError`."""
        ...


class _OneRecord:
    """Feeds a csv reader one record at a time, so that no record can take in the next."""

    record = ""

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if not self.record:
            raise StopIteration
        record, self.record = self.record, ""
        return record


class DoubledQuotes:
    """RFC 4180. It reads a row that is well-formed only with a backslash as escape that way."""

    def __init__(self, delimiter: str, count: int) -> None:
        self._delimiter, self._count = delimiter, count
        self._feed = _OneRecord()
        self._next = csv.reader(self._feed, delimiter=delimiter).__next__
        self._backslash = Backslash(delimiter, count)

    def open(self, line: bytes) -> bool:
        """See `Cells`."""
        return bool(line.count(b'"') & 1)

    def is_complete(self, taken: list[bytes]) -> bool:
        """See `Cells`."""
        return self.open(taken[-1])

    def whole(self, record: str) -> bool:
        """See `Cells`."""
        return len(_strict(record, self._delimiter)) == self._count

    def of(self, record: str) -> list[str]:
        """See `Cells`."""
        if '\\"' in record and not self.whole(record) and self._backslash.whole(record):
            return self._backslash.of(record)
        self._feed.record = record
        try:
            return self._next()
        except csv.Error as error:
            raise BadRecordError(f"not CSV: {error}") from None


class Backslash:
    """A backslash escapes."""

    def __init__(self, delimiter: str, count: int) -> None:
        self._delimiter, self._count = delimiter, count

    def open(self, line: bytes) -> bool:
        """See `Cells`. A backslash may escape a line break too, outside of quotes."""
        plain = _ESCAPED.sub(b"", line)
        return bool(plain.count(b'"') & 1) or (not plain.endswith((b"\n", b"\r")) and line.endswith(b"\\\n"))

    def is_complete(self, taken: list[bytes]) -> bool:
        """See `Cells`."""
        return not self.open(b"".join(taken))

    def whole(self, record: str) -> bool:
        """See `Cells`."""
        return len(self._cells(record, strict=True)) == self._count

    def of(self, record: str) -> list[str]:
        """See `Cells`."""
        return self._cells(record, strict=False)

    def _cells(self, record: str, *, strict: bool) -> list[str]:
        text = _NAMED.sub(self._unescape, record)
        try:
            rows = list(csv.reader([text], delimiter=self._delimiter, escapechar="\\", strict=strict))
        except csv.Error as error:
            if strict:
                return []
            raise BadRecordError(f"not CSV: {error}") from None
        cells = rows[0] if rows else []
        return ["" if cell == "\\N" else cell for cell in cells]

    def _unescape(self, escaped: re.Match[str]) -> str:
        """The form for the csv module, which drops the backslash of any character."""
        character = escaped[1]
        if character in _NAMES:
            return _NAMES[character]
        return escaped[0] if character in ('"', "\\", "\n", "\r", self._delimiter) else f"\\\\{character}"


class Tabs:
    """Separated by tabs."""

    def __init__(self, count: int) -> None:
        self._count = count

    def open(self, line: bytes) -> bool:
        """See `Cells`. Only a cell that begins with a quote may go on."""
        return bool(line.count(b'"') & 1) and (line.startswith(b'"') or b'\t"' in line)

    def is_complete(self, taken: list[bytes]) -> bool:
        """See `Cells`."""
        return bool(taken[-1].count(b'"') & 1)

    def whole(self, record: str) -> bool:
        """See `Cells`."""
        return len(_strict(record, "\t")) == self._count

    def of(self, record: str) -> list[str]:
        """See `Cells`."""
        line = record.rstrip("\r\n")
        if not line:
            return []
        cells = line.split("\t")
        if '"' not in line:
            return cells
        if len(cells) != self._count or "\n" in line:
            quoted = _strict(record, "\t")
            return quoted if len(quoted) == self._count else cells
        return [_unquote(cell) for cell in cells]


def cells_of(delimiter: str, count: int, escape: Escape) -> Cells:
    """The way in which the rows of a table become cells, of which there are `count`."""
    if escape == "backslash":
        return Backslash(delimiter, count)
    return Tabs(count) if delimiter == "\t" else DoubledQuotes(delimiter, count)


def _unquote(cell: str) -> str:
    """A cell without the quotes that enclose all of it; any other as it is."""
    if len(cell) < 2 or cell[0] != '"' or cell[-1] != '"':
        return cell
    inside = cell[1:-1]
    if '"' not in inside.replace('""', ""):
        return inside.replace('""', '"')
    return inside.replace('\\"', '"') if '"' not in inside.replace('\\"', "") else cell


def _strict(record: str, delimiter: str) -> list[str]:
    """The cells of one well-formed row; none where it is not, or is more than one."""
    try:
        rows = list(csv.reader([record], delimiter=delimiter, strict=True))
    except csv.Error:
        return []
    return rows[0] if len(rows) == 1 else []
