"""JSON Lines: an object a row, on a line of its own. A `json` column holds its value, and no text of it."""

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import msgspec

from batch_layer.sinks.files.row_format import RowFormat
from ingest.feeds.rows.row_reader import Row

_raw_lines = msgspec.json.Decoder(dict[str, msgspec.Raw])


class JsonLines(RowFormat):
    """Times are ISO 8601, those of a column with a zone without an offset; bytes are base64."""

    extension = "json"

    def encode(self, rows: Sequence[Row]) -> bytes:
        """See `FileFormat`."""
        names = list(self.columns)
        raw = [index for index, column in enumerate(self.columns.values()) if column.type == "json"]
        return msgspec.json.Encoder().encode_lines(self._object(names, raw, row) for row in rows)

    def decode(self, raw: bytes, names: Collection[str]) -> Iterator[dict[str, Any]]:
        """See `RowFormat`. Times stay texts."""
        for line in raw.splitlines():
            cells = _raw_lines.decode(line)
            yield {name: self._cell(name, cells[name]) for name in names}

    def _cell(self, name: str, raw: msgspec.Raw) -> Any:
        value = bytes(raw)
        if self.columns[name].type == "json" and value != b"null":
            return value.decode()
        return msgspec.json.decode(value)

    @staticmethod
    def _object(names: list[str], raw: list[int], row: Row) -> dict[str, Any]:
        cells: list[Any] = list(row.cells)
        for index in raw:
            if cells[index] is not None:
                cells[index] = msgspec.Raw(cells[index].encode())
        return dict(zip(names, cells, strict=True))
