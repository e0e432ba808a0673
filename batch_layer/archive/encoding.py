"""Avro, as it lies on HDFS: posts to bytes and back. The schema is `ingest/post.avsc`."""

import json
from collections.abc import Iterable, Iterator
from io import BytesIO
from typing import BinaryIO, cast

import fastavro

from batch_layer.archive.buffer import Record
from batch_layer.archive.manifest import SCHEMA_PATH
from config.errors import TrendsError
from ingest.hours import millis

SYNC_BYTES = 64_000
"""Size of a block before compression."""
QUICK = {"deflate": 1}
"""Levels of what is written soon: a third less CPU for 9 % more bytes. Compaction takes the codec's own."""

_SCHEMA = fastavro.parse_schema(json.loads(SCHEMA_PATH.read_text()))


def encode(records: Iterable[Record], codec: str) -> bytes:
    """One whole Avro file, compressed quickly. Times may be milliseconds or aware datetimes."""
    file = BytesIO()
    write(file, records, codec, QUICK.get(codec))
    return file.getvalue()


def write(file: BinaryIO, records: Iterable[Record], codec: str, level: int | None = None) -> None:
    """Write one whole Avro file, holding a block of it in memory. `level` None: the codec's own."""
    fastavro.writer(file, _SCHEMA, records, codec=codec, sync_interval=SYNC_BYTES, codec_compression_level=level)


def read(file: BinaryIO, where: str) -> Iterator[Record]:
    """The records of an Avro file; times are aware datetimes. A cut at the end of a block reads as a shorter file."""
    try:
        yield from cast(Iterator[Record], fastavro.reader(file))
    except (ValueError, EOFError, KeyError, IndexError, UnicodeDecodeError) as error:
        raise TrendsError(f"damaged Avro file: {error}", where=where, next_step="Restore it from a backup") from None


def in_millis(record: Record) -> Record:
    """A record that was read, its times as whole milliseconds again."""
    return record | {name: millis(record[name]) for name in ("created_at", "received_at")}
