"""Manifest: the committed record of an archived chunk: complete or absent, and the truth of what is archived."""

import hashlib
import re
from pathlib import Path
from typing import Literal, TypeVar
from uuid import UUID

import msgspec

from batch_layer.archive.paths import Try, check_part
from config.errors import TrendsError
from ingest.hours import Millis

SCHEMA_PATH = Path(__file__).parents[2] / "ingest" / "post.avsc"
"""The only copy of the schema."""
SCHEMA_FINGERPRINT = hashlib.sha256(SCHEMA_PATH.read_bytes()).hexdigest()[:16]

_UUID = re.compile(r"[0-9a-f]{32}", re.ASCII)
_T = TypeVar("_T")
Kind = Literal["chunk", "gap", "compact", "purge"]


class Part(msgspec.Struct, frozen=True):
    """One Avro file: the posts of one hour in a chunk, or all of an hour once it is compacted."""

    hour: str
    """`2017-01-06T07`."""
    path: str
    """In a manifest below the archive's root, so that an archive can be moved; from a `Ledger` absolute."""
    records: int
    bytes: int
    min_at: Millis
    """Earliest event time in it."""
    max_at: Millis
    """Latest event time in it."""


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """One link of a log: it begins at `start`, and the next link begins at `next`.

    `chunk`    posts of one Kafka partition, offsets `[start, next)`
    `gap`      offsets `[start, next)` that Kafka no longer had
    `compact`  in the log of the hours: `parts` replaces the parts named by `replaces`
    `purge`    in the log of the hours: the parts replaced by links below `purged` are deleted
    """

    uuid: str
    """Of the try that wrote it, 32 hex digits: tells whose manifest it is."""
    kind: Kind
    topic: str
    partition: int
    """Kafka partition; -1 in the log of the hours."""
    start: int
    next: int
    parts: tuple[Part, ...] = ()
    rejected: int = 0
    """Messages of the chunk that were sent to `rejects`."""
    replaces: tuple[str, ...] = ()
    purged: int = 0
    committed_at: Millis
    """Wall clock of the writer, just before the commit."""
    schema: str = SCHEMA_FINGERPRINT
    """Fingerprint of the schema of the parts."""
    archive: str = ""
    """Id of the archive that it was written to; empty in those of earlier versions."""
    topic_id: str = ""
    """Kafka's id of the topic that the offsets are of; empty in those of earlier versions, or where Kafka has none."""

    @property
    def tried(self) -> Try:
        """The try that wrote it."""
        return Try(self.partition, self.start, UUID(self.uuid))

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
    """The inverse of `encode`. A file that is no manifest is an error: nothing but damage can bring it about."""
    return _checked([_decode(_decoder, raw, where)], where)[0]


def decode_many(raw: bytes, where: str) -> list[Manifest]:
    """The inverse of `encode` for a list."""
    return _checked(_decode(_many_decoder, raw, where), where)


def _decode(decoder: "msgspec.json.Decoder[_T]", raw: bytes, where: str) -> _T:
    try:
        return decoder.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise _damaged(str(error), where) from None


def _checked(manifests: list[Manifest], where: str) -> list[Manifest]:
    for manifest in manifests:
        if manifest.next <= manifest.start:
            raise _damaged(f"it goes from {manifest.start} to {manifest.next}", where)
        if not _UUID.fullmatch(manifest.uuid):
            raise _damaged(f"its uuid is {manifest.uuid[:40]!r}", where)
        for path in (*manifest.replaces, *(part.path for part in manifest.parts)):
            check_part(path)
    return manifests


def _damaged(what: str, where: str) -> TrendsError:
    return TrendsError(f"damaged manifest: {what}", where=where, next_step="Restore this file from a backup of HDFS")
