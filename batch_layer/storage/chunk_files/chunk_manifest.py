"""ChunkManifest: the committed record of a chunk: complete or absent, and the truth about the content of a folder."""

import re
from collections.abc import Callable, Sequence
from typing import Any, Generic, Literal, TypeVar
from uuid import UUID

import msgspec

from batch_layer.storage.chunk_files.attempts import Attempt
from batch_layer.storage.chunk_files.layout import Layout
from config.decoding import decoding
from config.quantity import quantity
from ingest.hours import LATEST_MS, Millis

RESTORE = "Restore this file from a backup of HDFS"
"""Advice for any damaged file."""
Kind = Literal["chunk", "gap", "compact", "purge"]

_UUID = re.compile(r"[0-9a-f]{32}", re.ASCII)
_MOST = 2**62
"""No offset, count or size reaches it."""


class FilePart(msgspec.Struct, frozen=True):
    """One file: the rows of one label in a chunk."""

    label: str
    """The label's name: an hour, a day's folder."""
    path: str
    """In a manifest below the root, so that operators can move a folder."""
    records: int
    bytes: int


class ChunkManifest(msgspec.Struct, frozen=True, kw_only=True):
    """One link of a log: it begins at `start`, and the next link begins at `next`.

    `chunk`    rows of one Kafka partition, offsets `[start, next)`
    `gap`      lost offsets `[start, next)`: Kafka no longer had them, or `why` gives another reason
    `compact`  in the log of the hours: `parts` replaces the parts named by `replaces`
    `purge`    in the log of the hours: marks the parts replaced by links below `purged` as deleted
    """

    uuid: str
    """Of the attempt that wrote it, 32 hex digits: tells whose manifest it is."""
    kind: Kind
    topic: str
    partition: int
    """Kafka partition; -1 in the log of the hours."""
    start: int
    next: int
    parts: tuple[FilePart, ...] = ()
    rejected: int = 0
    """Messages of the chunk that went to `rejects`."""
    left_out: int | msgspec.UnsetType = msgspec.UNSET
    """Messages of the chunk that the reader left out; absent where there are none."""
    replaces: tuple[str, ...] = ()
    purged: int = 0
    why: str = ""
    """Reason of a gap that a person has declared; empty where retention was quicker than the stage."""
    committed_at: Millis
    """Wall clock of the writer, just before the commit."""
    schema: str = ""
    """Fingerprint of the schema of the parts."""
    archive: str = ""
    """Id of its folder; empty in manifests of earlier versions."""
    topic_id: str = ""
    """Kafka's id of the offsets' topic; empty in manifests of earlier versions, or where Kafka has none."""

    @property
    def attempt(self) -> Attempt:
        """The attempt that wrote it."""
        return Attempt(self.partition, self.start, UUID(self.uuid))

    @property
    def records(self) -> int:
        """Rows in all parts."""
        return sum(part.records for part in self.parts)


M = TypeVar("M", bound=ChunkManifest)


class ManifestCodec(Generic[M]):
    """Manifests of one kind of folder as bytes and back."""

    def __init__(self, kind: type[M], layout: Layout, check_part: Callable[[Any], None] = lambda _: None) -> None:
        """`check_part` raises `ValueError` for a part that `encode` never wrote."""
        self.make = kind
        self._layout = layout
        self._check_part = check_part
        self._decoder = msgspec.json.Decoder(kind)
        self._many_decoder = msgspec.json.Decoder(list[kind])  # type: ignore[valid-type]  # known at run time alone

    def encode(self, manifests: M | Sequence[M]) -> bytes:
        """A manifest, or a list of them, as bytes."""
        return msgspec.json.encode(manifests)

    def decode(self, raw: bytes, where: str) -> M:
        """The inverse of `encode`. Raises `DamagedError`: nothing but damage makes a file that is no manifest."""
        with decoding("manifest", where, RESTORE):
            return self._check(self._decoder.decode(raw))

    def decode_many(self, raw: bytes, where: str) -> list[M]:
        """The inverse of `encode` for a list."""
        with decoding("manifest", where, RESTORE):
            return [self._check(manifest) for manifest in self._many_decoder.decode(raw)]

    def _check(self, manifest: M) -> M:
        """Refuse a manifest that `encode` never wrote: numbers that no offset has, parts of other offsets."""
        if not 0 <= manifest.start < manifest.next <= _MOST:
            raise ValueError(f"it goes from {manifest.start} to {manifest.next}")
        if not _UUID.fullmatch(manifest.uuid):
            raise ValueError(f"its uuid is {manifest.uuid[:40]!r}")
        if not (0 <= manifest.committed_at < LATEST_MS and manifest.purged >= -1):
            raise ValueError("a number is out of range")
        if not all(0 <= count <= _MOST for count in (manifest.rejected, manifest.left_out or 0)):
            raise ValueError("a count is out of range")
        for path in (*manifest.replaces, *(part.path for part in manifest.parts)):
            if not self._layout.is_part(path):
                raise ValueError(f"not a part of an archive: {path[:120]!r}")
        for part in manifest.parts:
            self._check_part(part)
            self._check_numbers(manifest, part)
        return manifest

    def _check_numbers(self, manifest: M, part: FilePart) -> None:
        if not (0 < part.records <= _MOST and 0 < part.bytes <= _MOST):
            records, size = quantity(part.records, "record"), quantity(part.bytes, "byte")
            raise ValueError(f"{records} in {size} at {part.path[:120]}")
        offsets = (manifest.partition, manifest.start, manifest.next)
        if manifest.kind == "chunk" and self._layout.span_of(part.path) != offsets:
            raise ValueError(f"a part of other offsets: {part.path[:120]}")
