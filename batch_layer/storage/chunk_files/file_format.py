"""FileFormat: how the rows of one label become a file. The archive writes Avro; feeds write JSON Lines and Parquet."""

from collections.abc import Sequence
from typing import Protocol, TypeVar

from batch_layer.storage.chunk_files.chunk_manifest import FilePart

LabelT_contra = TypeVar("LabelT_contra", contravariant=True)
RowT_contra = TypeVar("RowT_contra", contravariant=True)


class FileFormat(Protocol[LabelT_contra, RowT_contra]):
    """A format of parts. Threads may share it."""

    @property
    def schema(self) -> str:
        """Fingerprint of the rows' schema: equal for files that one reader reads alike."""

    def folder(self, label: LabelT_contra) -> str:
        """The folder of a label below the root; empty: the root itself. In its order labels become parts."""

    def encode(self, rows: Sequence[RowT_contra]) -> bytes:
        """One whole file. `rows` is not empty."""

    def part(self, label: LabelT_contra, path: str, rows: Sequence[RowT_contra], size: int) -> FilePart:
        """The entry of a manifest for a file of `size` bytes at a path below the root."""
