"""Manifest: the committed record of an archived chunk, or of a compaction."""

import hashlib
from pathlib import Path

import msgspec

from batch_layer.archive.hour_layout import LAYOUT, hour_of
from batch_layer.storage.chunk_files.chunk_manifest import ChunkManifest, FilePart, ManifestCodec
from ingest.hours import Millis

SCHEMA_PATH = Path(__file__).parents[2] / "ingest" / "post.avsc"
"""The only copy of the schema."""
SCHEMA_FINGERPRINT = hashlib.sha256(SCHEMA_PATH.read_bytes()).hexdigest()[:16]


class Part(FilePart, frozen=True):
    """One Avro file: the posts of one hour in a chunk, or all of an hour after compaction.

    From a `Ledger` its path is absolute.
    """

    label: str = msgspec.field(name="hour")
    min_at: Millis
    """Earliest event time in it."""
    max_at: Millis
    """Latest event time in it."""

    @property
    def hour(self) -> str:
        """`2017-01-06T07`."""
        return self.label


class Manifest(ChunkManifest, frozen=True, kw_only=True):
    """See `ChunkManifest`."""

    parts: tuple[Part, ...] = ()
    schema: str = SCHEMA_FINGERPRINT


def _check_hour(part: Part) -> None:
    hour = hour_of(part.path)
    if part.hour != str(hour) or not hour.start_ms <= part.min_at <= part.max_at < hour.end_ms:
        raise ValueError(f"a part of {part.hour[:20]!r} is said to lie at {part.path[:120]}")


MANIFESTS = ManifestCodec(Manifest, LAYOUT, _check_hour)

encode = MANIFESTS.encode
decode = MANIFESTS.decode
