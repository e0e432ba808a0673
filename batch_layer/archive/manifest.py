"""Manifest: the committed record of an archived chunk: complete or absent, and the truth about the archive."""

import hashlib
import re
from pathlib import Path
from typing import Literal
from uuid import UUID

import msgspec

from batch_layer.archive.paths import Attempt, hour_of, is_part, span_of
from config.decoding import decoding
from config.quantity import quantity
from ingest.hours import LATEST_MS, Millis

SCHEMA_PATH = Path(__file__).parents[2] / "ingest" / "post.avsc"
"""The only copy of the schema."""
SCHEMA_FINGERPRINT = hashlib.sha256(SCHEMA_PATH.read_bytes()).hexdigest()[:16]

_UUID = re.compile(r"[0-9a-f]{32}", re.ASCII)
_MOST = 2**62
"""No offset, count or size reaches it."""
_RESTORE = "Restore this file from a backup of HDFS"
Kind = Literal["chunk", "gap", "compact", "purge"]


class Part(msgspec.Struct, frozen=True):
    """One Avro file: the posts of one hour in a chunk, or all of an hour after compaction."""

    hour: str
    """`2017-01-06T07`."""
    path: str
    """In a manifest below the archive's root, so that operators can move an archive; from a `Ledger` absolute."""
    records: int
    bytes: int
    min_at: Millis
    """Earliest event time in it."""
    max_at: Millis
    """Latest event time in it."""


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """One link of a log: it begins at `start`, and the next link begins at `next`.

    `chunk`    posts of one Kafka partition, offsets `[start, next)`
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
    parts: tuple[Part, ...] = ()
    rejected: int = 0
    """Messages of the chunk that went to `rejects`."""
    replaces: tuple[str, ...] = ()
    purged: int = 0
    why: str = ""
    """Reason of a gap that a person has declared; empty where retention was quicker than the archiver."""
    committed_at: Millis
    """Wall clock of the writer, just before the commit."""
    schema: str = SCHEMA_FINGERPRINT
    """Fingerprint of the schema of the parts."""
    archive: str = ""
    """Id of its archive; empty in manifests of earlier versions."""
    topic_id: str = ""
    """Kafka's id of the offsets' topic; empty in manifests of earlier versions, or where Kafka has none."""

    @property
    def attempt(self) -> Attempt:
        """The attempt that wrote it."""
        return Attempt(self.partition, self.start, UUID(self.uuid))

    @property
    def records(self) -> int:
        """Posts in all parts."""
        return sum(part.records for part in self.parts)


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Manifest)
_many_decoder = msgspec.json.Decoder(list[Manifest])

encode = _encoder.encode
"""A manifest, or a list of them, as bytes."""


def decode(raw: bytes, where: str) -> Manifest:
    """The inverse of `encode`. Raises `DamagedError`: nothing but damage makes a file that is no manifest."""
    with decoding("manifest", where, _RESTORE):
        return _check(_decoder.decode(raw))


def decode_many(raw: bytes, where: str) -> list[Manifest]:
    """The inverse of `encode` for a list."""
    with decoding("manifest", where, _RESTORE):
        return [_check(manifest) for manifest in _many_decoder.decode(raw)]


def _check(manifest: Manifest) -> Manifest:
    """Refuse a manifest that `encode` never wrote: numbers that no offset has, parts of other offsets or hours."""
    if not 0 <= manifest.start < manifest.next <= _MOST:
        raise ValueError(f"it goes from {manifest.start} to {manifest.next}")
    if not _UUID.fullmatch(manifest.uuid):
        raise ValueError(f"its uuid is {manifest.uuid[:40]!r}")
    if not (0 <= manifest.committed_at < LATEST_MS and 0 <= manifest.rejected <= _MOST and manifest.purged >= -1):
        raise ValueError("a number is out of range")
    for path in (*manifest.replaces, *(part.path for part in manifest.parts)):
        if not is_part(path):
            raise ValueError(f"not a part of an archive: {path[:120]!r}")
    for part in manifest.parts:
        _check_part(manifest, part)
    return manifest


def _check_part(manifest: Manifest, part: Part) -> None:
    hour = hour_of(part.path)
    if part.hour != str(hour) or not hour.start_ms <= part.min_at <= part.max_at < hour.end_ms:
        raise ValueError(f"a part of {part.hour[:20]!r} is said to lie at {part.path[:120]}")
    if not (0 < part.records <= _MOST and 0 < part.bytes <= _MOST):
        raise ValueError(f"{quantity(part.records, 'record')} in {quantity(part.bytes, 'byte')} at {part.path[:120]}")
    if manifest.kind == "chunk" and span_of(part.path) != (manifest.partition, manifest.start, manifest.next):
        raise ValueError(f"a part of other offsets: {part.path[:120]}")
