"""Posts in tables of text: a row a post, columns found by the header's names (`csv_header`), rows by `csv_rows`."""

from typing import Any, Self

import msgspec

from ingest.sources.formats.contract import Item, Reading
from ingest.sources.formats.csv_header import Columns
from ingest.sources.formats.csv_rows import CsvRows
from ingest.sources.formats.timestamps import join_day_and_time, time_of_id


class CsvReader(CsvRows):
    """Reads rows with the columns given."""

    def __init__(self, columns: Columns, reading: Reading, header_lines: int = 1) -> None:
        super().__init__(columns.delimiter, columns.cells, columns.escape, header_lines)
        self.columns = columns
        self.spec = msgspec.json.encode(columns).decode()
        self.has_lang = columns.lang is not None
        self._reading = reading
        self._places = (columns.id, columns.text, columns.time, columns.date, columns.lang)

    @classmethod
    def from_spec(cls, spec: dict[str, Any], reading: Reading) -> Self:
        """See `registry.make_reader`."""
        return cls(msgspec.convert(spec, Columns), reading)

    def read(self, record: bytes) -> list[Item]:
        """The post of a row."""
        text, cells = self.cells(record)
        if not cells:
            return []
        id_at, text_at, time_at, date_at, lang_at = self._places
        id_ = cells[id_at].strip(" '\t")
        if not id_.isdigit():
            id_ = self._reading.check_id(id_)
        time_text = cells[time_at].strip() if time_at is not None else ""
        if date_at is not None:
            time_text = join_day_and_time(cells[date_at].strip(), time_text)
        lang = cells[lang_at].strip() or None if lang_at is not None else None
        created_at = self._reading.moment(time_text, id_) if time_text else time_of_id(id_)
        return [self._reading.post(id_, created_at, cells[text_at], text, lang)]
