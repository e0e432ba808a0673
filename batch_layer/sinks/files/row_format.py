"""RowFormat: what the formats of a feed's files share: columns, their fingerprint, and the way back to the cells."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import msgspec

from batch_layer.storage.chunk_files.chunk_manifest import FilePart
from ingest.feeds.declaration.model import Column
from ingest.feeds.rows.row_reader import Row


class RowFormat(ABC):
    """See `FileFormat`; the label of rows is their folder."""

    extension: ClassVar[str]

    def __init__(self, columns: Mapping[str, Column]) -> None:
        self.columns = columns
        shape = [(name, column.type, column.zone) for name, column in columns.items()]
        self.schema = hashlib.sha256(msgspec.json.encode((self.extension, shape))).hexdigest()[:16]

    def folder(self, label: str) -> str:
        """See `FileFormat`."""
        return label

    def part(self, label: str, path: str, rows: Sequence[Row], size: int) -> FilePart:
        """See `FileFormat`."""
        return FilePart(label, path, len(rows), size)

    @abstractmethod
    def encode(self, rows: Sequence[Row]) -> bytes:
        """See `FileFormat`."""

    @abstractmethod
    def decode(self, raw: bytes, names: Collection[str]) -> Iterator[dict[str, Any]]:
        """These columns of each row of a file; a `json` cell is its text. Raises where the bytes are no such file."""
