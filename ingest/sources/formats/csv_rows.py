"""Rows of a table of text, cut out of its lines and into cells (`csv_cells`).

A quoted cell may span lines. A quote without an end would take all rows after it into its cell. So the framing takes a
record that spans lines only if it is well-formed, has as many cells as the header, and ends within `MOST_LINES` lines;
else it gives the first line alone, which is then refused, and goes on at the line after it.
"""

from config.errors import BadRecordError
from config.quantity import quantity
from ingest.sources.formats.contract import utf8
from ingest.sources.formats.csv_cells import DoubledQuotes, Escape, Tabs, cells_of
from ingest.sources.formats.lines import Lines

MOST_LINES = 100
"""Lines that one record may span."""
MOST_RECORD_BYTES = 1_000_000
"""Bytes that a record of several lines may have."""


class CsvRows:
    """The rows of one table: base of the readers of tables."""

    def __init__(self, delimiter: str, count: int, escape: Escape, header_lines: int) -> None:
        """`count` is the number of cells that a row has."""
        self.header_lines = header_lines
        """Lines before the first row."""
        self._count = count
        self._cells = cells_of(delimiter, count, escape)
        self._cells_of = self._cells.of
        self._tabs = isinstance(self._cells, Tabs)
        self._doubled = isinstance(self._cells, DoubledQuotes)

    def frame(self, lines: Lines) -> bytes:
        """One line, or several where a quoted cell spans them (see the module)."""
        line = lines.next()
        if (self._doubled and not line.count(b'"') & 1) or not self._cells.open(line):  # as nearly every line is
            return line
        taken = [line]
        while len(taken) < MOST_LINES and sum(map(len, taken)) < MOST_RECORD_BYTES and (further := lines.next()):
            taken.append(further)
            if self._tabs and further.count(b"\t") == self._count - 1:  # a row of its own
                break
            if self._cells.is_complete(taken):
                whole = b"".join(taken)
                if self._well_formed(whole):
                    return whole
                break
        lines.back(taken[1:])
        return line

    def cells(self, record: bytes) -> tuple[str, list[str]]:
        """The text of a row and its cells, none of a blank one. Raises `BadRecordError`."""
        try:
            text = record.decode()
        except UnicodeDecodeError:
            text = utf8(record)  # which says why not
        if "\0" in text:
            raise BadRecordError("holds a NUL byte")
        cells = self._cells_of(text)
        if cells and (len(cells) != self._count or cells[-1].endswith("\n")):
            self._check(text, cells)
        return text, cells

    def _check(self, text: str, cells: list[str]) -> None:
        """Refuse a row that is not well-formed, or has not the cells that it should have."""
        count = self._count
        if cells[-1].endswith("\n") and (len(cells) != count or not self._cells.whole(text)):
            raise BadRecordError(f"a quote that is not closed, or not within {MOST_LINES} lines")
        if len(cells) < count or any(cells[count:]):  # empty cells beyond the last do no harm
            raise BadRecordError(f"{quantity(len(cells), 'cell')} where the header has {count}")

    def _well_formed(self, record: bytes) -> bool:
        try:
            return self._cells.whole(utf8(record))
        except BadRecordError:
            return False
