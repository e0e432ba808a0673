"""Tables of text of any make: their delimiter, the names in their header, and how their rows escape quotes."""

import csv
import re
from typing import NamedTuple

from config.errors import UsageError
from ingest.sources.formats.csv_cells import Backslash, Cells, Escape, cells_of
from ingest.sources.unpacking.content import UTF8_MARK

DELIMITERS = ",\t;|"
MOST_BEFORE = 50
"""Lines before a header."""

_SEP = re.compile(r'"?sep=(\\t|.)"?', re.IGNORECASE)
"""The line by which spreadsheets name a delimiter."""
_MOST_LINES = 3
"""Lines that a header may span."""
_MOST_ROW_LINES = 20
"""Lines that a row may span in the search for the way to escape quotes."""


class Table(NamedTuple):
    """The form of a table."""

    names: tuple[str, ...]
    """Of its columns, without blanks around them. No name is empty, and no two are equal."""
    delimiter: str
    escape: Escape
    lines: int
    """Lines before its first row."""
    renamed: tuple[str, ...] = ()
    """Names that the header has not, or has twice, and that the table got here."""


def table_of(head: bytes, where: str) -> Table:
    """Find the form of a table in its first bytes. Its first line that is not blank names the columns.

    The delimiter is the one that gives the most names. A column without a name is `column_3`, by its place; the second
    one of a name is `name_2`. Raises `UsageError` where no line names columns.
    """
    lines = [line + b"\n" for line in head.removeprefix(UTF8_MARK).split(b"\n")]
    delimiter = ""
    for number, line in enumerate(lines[:MOST_BEFORE]):
        text = line.decode(errors="replace").strip("\ufeff \r\n")
        if named := delimiter_by_name(text):
            delimiter = delimiter or named
        elif text:
            refuse_nul(line, where)
            size = lines_of_header(lines[number:])
            whole = b"".join(lines[number : number + size]).decode(errors="replace").lstrip("\ufeff")
            read = [(names_in(whole, each), each) for each in delimiter or DELIMITERS]
            names, best = max(read, key=lambda tried: len(tried[0]))
            rows = lines[number + size :]
            distinct, renamed = _distinct([name.strip() for name in names])
            return Table(distinct, best, escape_of(rows, best, len(names)), number + size, renamed)
    raise UsageError("no line names columns", where=where, next_step="Its first line has to name the columns")


def delimiter_by_name(text: str) -> str:
    """The delimiter of a line `sep=;`; nothing for any other line."""
    named = _SEP.fullmatch(text)
    return named[1].replace("\\t", "\t") if named else ""


def names_in(header: str, delimiter: str) -> list[str]:
    """The cells of a header."""
    try:
        return next(csv.reader([header], delimiter=delimiter), [])
    except csv.Error:
        return [header]


def refuse_nul(header: bytes, where: str) -> None:
    """Raise `UsageError` for a header that is no text."""
    if b"\0" in header:
        raise UsageError(
            "it holds NUL bytes: UTF-16 without a byte order mark, or no text", where=where,
            next_step="Recode it: iconv -f UTF-16LE -t UTF-8 FILE | trends ingest file -",
        )  # fmt: skip


def lines_of_header(lines: list[bytes]) -> int:
    """How many lines a header has: a name in quotes may span some."""
    quotes = 0
    for number, line in enumerate(lines[:_MOST_LINES], 1):
        quotes += line.count(b'"')
        if not quotes & 1:
            return number
    return 1


def escape_of(rows: list[bytes], delimiter: str, count: int) -> Escape:
    """`backslash` if more of the first rows are well-formed with it as escape than with doubled quotes."""
    if not any(b'\\"' in row for row in rows):
        return "doubled"
    doubled = cells_of(delimiter, count, "doubled")
    by_backslash = _whole_rows(rows, Backslash(delimiter, count))
    return "backslash" if by_backslash > _whole_rows(rows, doubled) else "doubled"


def _distinct(names: list[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names of which none is empty and no two are equal, and those that are new."""
    taken = set(names)
    used: set[str] = set()
    distinct, renamed = [], []
    for place, name in enumerate(names, 1):
        final, number = name or f"column_{place}", 2
        if final in used or (not name and final in taken):
            while f"{final}_{number}" in taken | used:
                number += 1
            final = f"{final}_{number}"
        if final != name:
            renamed.append(final)
        used.add(final)
        distinct.append(final)
    return tuple(distinct), tuple(renamed)


def _whole_rows(rows: list[bytes], cells: Cells) -> int:
    """How many well-formed rows have a backslash before a quote."""
    found = number = 0
    while number < len(rows):
        if b'\\"' not in rows[number] and not cells.open(rows[number]):
            number += 1
            continue
        taken = [rows[number]]
        if cells.open(rows[number]):
            for further in rows[number + 1 : number + _MOST_ROW_LINES]:
                taken.append(further)
                if cells.is_complete(taken):
                    break
        record = b"".join(taken)
        whole = cells.whole(record.decode(errors="replace"))
        found += whole and b'\\"' in record
        number += len(taken) if whole else 1
    return found
