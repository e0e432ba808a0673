"""Lines of a CSV as RFC 4180 has them: commas, CRLF, quotes around a cell that needs them. No cell is changed.

Null is an empty cell. A boolean is `true` or `false`, a moment ISO 8601 (in UTC with `Z`, or without an offset in a
column with a zone), bytes are Base64.
"""

import csv
import io
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime
from pathlib import Path

from config.errors import BadRecordError
from ingest.feeds.rows.types import Cell
from ingest.sources.formats.lines import MOST_BYTES

csv.field_size_limit(MOST_BYTES)


def line_maker() -> Callable[[Iterable[Cell]], bytes]:
    """A function that makes a line in UTF-8 of cells. It raises `BadRecordError` for a text that UTF-8 can't hold."""
    text = io.StringIO()
    write = csv.writer(text).writerow

    def make(cells: Iterable[Cell]) -> bytes:
        text.seek(0)
        text.truncate()
        write(map(_text, cells))
        try:
            return text.getvalue().encode()
        except UnicodeEncodeError:
            raise BadRecordError("half of a surrogate pair: UTF-8 can't hold it") from None

    return make


def read_lines(path: Path, length: int) -> Iterator[list[str]]:
    """The records in the first `length` bytes of a file, its header included."""
    with path.open("rb") as file:
        yield from csv.reader(_lines(file, length), strict=True)


def _lines(file: Iterable[bytes], length: int) -> Iterator[str]:
    for line in file:
        if length <= 0:
            return
        yield line[:length].decode(errors="replace")
        length -= len(line)


def _text(cell: Cell) -> str | int | float | None:
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, datetime):
        return cell.isoformat().replace("+00:00", "Z")
    if isinstance(cell, date):
        return cell.isoformat()
    return b64encode(cell).decode() if isinstance(cell, bytes) else cell


def header_of(columns: Sequence[str]) -> bytes:
    """The first line."""
    return line_maker()(columns)
