"""The header of a table of posts: its delimiter, its columns, how it escapes, and the lines before it.

Blank lines, comments (`#`), and the line by which spreadsheets name a delimiter (`sep=;`) may precede a header. The
delimiter is the one that separates the required columns, unless the options name it.
"""

import re
from dataclasses import dataclass, field

import msgspec

from config.errors import UsageError
from ingest.sources.formats.csv_cells import Escape
from ingest.sources.formats.csv_table import (
    DELIMITERS,
    MOST_BEFORE,
    delimiter_by_name,
    escape_of,
    lines_of_header,
    names_in,
    refuse_nul,
)
from ingest.sources.unpacking.content import UTF8_MARK

ROLES = ("id", "text", "time", "date", "lang")
GUESSES = {
    "id": ("tweetid", "id", "idstr", "statusid", "postid"),
    "text": ("tweet", "text", "fulltext", "tweettext", "content", "rawcontent", "body"),
    "time": ("createdat", "time", "timestamp", "datetime", "date", "postedat", "tweetcreatedat"),
    "lang": ("lang", "language"),
}
"""Usual names of columns and fields, without case, blanks, `_` and `-`; the first that is there counts."""
NEEDED = ("id", "text")
_CLOCK, _DAY = "time", "date"
"""A column `time` may have the time of day alone, where a column `date` has the day."""


class Columns(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="format", tag="csv"):
    """Where a post is in a row."""

    id: int
    text: int
    time: int | None = None
    date: int | None = None
    """The day, where `time` has the time of day alone."""
    lang: int | None = None
    cells: int
    """Cells that a row has."""
    delimiter: str = ","
    escape: Escape = "doubled"
    source: str
    time_from: str = ""
    """`id` where the id decides, even against `time`."""


@dataclass(frozen=True)
class FormatOptions:
    """Options that describe the format of files by hand."""

    columns: dict[str, str] = field(default_factory=dict)
    """Names of columns by role."""
    fields: dict[str, str] = field(default_factory=dict)
    """Paths of fields by role."""
    delimiter: str = ""
    escape: Escape | None = None


class Header(msgspec.Struct, frozen=True):
    """The columns of a table, and how many of its lines come before the first row."""

    columns: Columns
    lines: int


def header_of(head: bytes, asked: FormatOptions, where: str) -> Header:
    """Find the header in the first bytes of a table. Raises `UsageError` where there is none."""
    lines = [line + b"\n" for line in head.removeprefix(UTF8_MARK).split(b"\n")]
    delimiter = asked.delimiter
    for number, line in enumerate(lines[:MOST_BEFORE]):
        text = line.decode(errors="replace").strip("\ufeff \r\n")
        if not text:
            continue
        if named := delimiter_by_name(text):
            delimiter = delimiter or named
            continue
        plain = text.lstrip("# ")
        if text.startswith("#") and not _tells(plain, asked.columns, delimiter):
            continue
        taken = lines_of_header(lines[number:])
        whole = b"".join([plain.encode(), b"\n", *lines[number + 1 : number + taken]])
        columns = columns_of(whole, asked.columns, "", where, delimiter=delimiter)
        rows = lines[number + taken :]
        escape = asked.escape or escape_of(rows, columns.delimiter, columns.cells)
        return Header(msgspec.structs.replace(columns, escape=escape), number + taken)
    raise UsageError("no line names columns", where=where, next_step="Its first line has to name the columns")


def columns_of(header: bytes, asked: dict[str, str], source: str, where: str, *, delimiter: str = "") -> Columns:
    """Find the columns in a header line. `asked` names columns by hand: `{"text": "Message"}`. Raises `UsageError`."""
    refuse_nul(header, where)
    line = header.decode(errors="replace").lstrip("\ufeff")
    read = [names_in(line, each) for each in delimiter or DELIMITERS]
    tries = [(each, names, roles_of(names, asked)) for each, names in zip(delimiter or DELIMITERS, read, strict=True)]
    best, names, roles = max(tries, key=lambda tried: (all(role in tried[2] for role in NEEDED), len(tried[1])))
    for role in (*asked, *NEEDED):
        if role not in roles:
            raise UsageError(
                f"no column {asked[role]!r}" if role in asked else f"can't find the column of the {role}",
                where=where,
                next_step=f"Name it with --{role}-column; the first line has: {', '.join(map(repr, names))[:400]}",
            )
    found = Columns(id=roles["id"], text=roles["text"], cells=len(names), delimiter=best, source=source)
    return msgspec.structs.replace(found, **roles)


def roles_of(names: list[str], asked: dict[str, str]) -> dict[str, int]:
    """The index of the name for each role. It leaves out roles without a name, asked for or not."""
    plain = [plain_name(name) for name in names]
    found: dict[str, int] = {}
    for role in ROLES:
        wanted = (plain_name(asked[role]),) if role in asked else GUESSES.get(role, ())
        at = next((plain.index(name) for name in wanted if name in plain), None)
        if at is not None:
            found[role] = at
    if "date" not in asked and "time" in found and plain[found["time"]] == _CLOCK and _DAY in plain:
        found["date"] = plain.index(_DAY)
    return found


def plain_name(name: str) -> str:
    """A name without case, blanks, `_` and `-`."""
    return re.sub(r"[\s_\-]", "", name).lower()


def _tells(line: str, asked: dict[str, str], delimiter: str) -> bool:
    try:
        columns_of(line.encode(), asked, "", "", delimiter=delimiter)
    except UsageError:
        return False
    return True
