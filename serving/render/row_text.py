"""Row text: rows as CSV or as JSON lines, in pieces, so that memory does not grow with their number. Pure."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import islice
from zoneinfo import ZoneInfo

from ingest.hours import Hour
from serving.render.rows import Cell, Column, Rows

AT_ONCE = 2_000
"""Rows in one piece: some 200 kB."""


def csv_text(rows: Rows, tz: ZoneInfo) -> Iterator[str]:
    """Lines of CSV, RFC 4180, the header first. A hashtag begins with `#`, so no spreadsheet takes one for a formula.

    The phrases of other lenses begin with a letter or a digit by their rule. The header comes with the first rows: an
    error of reading them comes before any text.
    """
    header = _csv([[column.name for column in rows.columns]])
    sign = "#" if rows.lens.kind == "hashtag" else ""
    cells = [_csv_cell(column, sign, tz) for column in rows.columns]
    for piece in pieces(rows.values):
        yield header + _csv([[write(cell) for write, cell in zip(cells, row, strict=True)] for row in piece])
        header = ""
    if header:
        yield header


def json_text(rows: Rows, tz: ZoneInfo) -> Iterator[str]:
    """A JSON object a line: tags as they are counted, without `#`."""
    names = [column.name for column in rows.columns]
    for piece in pieces(rows.values):
        told = ([time_text(cell, tz) if isinstance(cell, Hour) else cell for cell in row] for row in piece)
        yield "".join(
            json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False, separators=(",", ":")) + "\n"
            for row in told
        )


@lru_cache(1_024)
def time_text(hour: Hour, tz: ZoneInfo) -> str:
    """When an hour begins, by ISO 8601 with the offset of a zone: `2017-01-06T08:00:00+01:00`."""
    return hour.start.astimezone(tz).isoformat()


def pieces(values: Iterable[Sequence[Cell]]) -> Iterator[list[Sequence[Cell]]]:
    """The rows, `AT_ONCE` at a time."""
    rest = iter(values)
    while piece := list(islice(rest, AT_ONCE)):
        yield piece


def _csv_cell(column: Column, sign: str, tz: ZoneInfo) -> Callable[[Cell], object]:
    if column.type == "time":
        return lambda cell: time_text(cell, tz) if isinstance(cell, Hour) else cell
    return (lambda cell: f"{sign}{cell}") if column.type == "tag" else (lambda cell: cell)


def _csv(rows: Iterable[Iterable[object]]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue()
