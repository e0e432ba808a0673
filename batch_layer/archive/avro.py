"""Avro, as it lies on HDFS: posts to bytes and back. The schema is `ingest/post.avsc`."""

import json
from collections.abc import Iterable, Iterator, Sequence
from io import BytesIO
from typing import Any, BinaryIO, cast

import fastavro

from batch_layer.archive.hour_layout import hour_folder
from batch_layer.archive.manifest import SCHEMA_FINGERPRINT, SCHEMA_PATH, Part
from config.decoding import decoding
from ingest.hours import Hour, millis

Record = dict[str, Any]
"""A post as `post.avsc` has it; times are whole milliseconds."""
SYNC_BYTES = 64_000
"""Size of a block before compression."""
QUICK = {"deflate": 1}
"""Levels of quick compression: a third less CPU for 9 % more bytes. Compaction takes the codec's own."""

_RESTORE = "Restore it from a backup of HDFS"
_SCHEMA = fastavro.parse_schema(json.loads(SCHEMA_PATH.read_text()))
_CODECS = frozenset({"deflate", "zstandard", "null"})
"""Those of `archive.codec`."""


class AvroFormat:
    """See `FileFormat`: the records of an hour, whose label is its serial."""

    schema = SCHEMA_FINGERPRINT

    def __init__(self, codec: str) -> None:
        self._codec = codec

    def folder(self, label: int) -> str:
        """See `FileFormat`."""
        return hour_folder(Hour(label))

    def encode(self, rows: Sequence[Record]) -> bytes:
        """See `FileFormat`."""
        return encode(rows, self._codec)

    def part(self, label: int, path: str, rows: Sequence[Record], size: int) -> Part:
        """See `FileFormat`."""
        times = [record["created_at"] for record in rows]
        return Part(str(Hour(label)), path, len(rows), size, min(times), max(times))


def encode(records: Iterable[Record], codec: str) -> bytes:
    """One whole Avro file, compressed quickly. Times may be milliseconds or aware datetimes."""
    file = BytesIO()
    write(file, records, codec, QUICK.get(codec))
    return file.getvalue()


def write(file: BinaryIO, records: Iterable[Record], codec: str, level: int | None = None) -> None:
    """Write one whole Avro file, holding a block of it in memory. `level` None: the codec's own."""
    fastavro.writer(file, _SCHEMA, records, codec=codec, sync_interval=SYNC_BYTES, codec_compression_level=level)


def read(file: BinaryIO, where: str) -> Iterator[Record]:
    """The records of an Avro file; times are aware datetimes. A cut at the end of a block reads as a shorter file.

    Raises `DamagedError`; errors of the file itself (`UnavailableError`) pass.
    """
    with decoding("Avro file", where, _RESTORE):
        reader = fastavro.reader(file)
        _check_header(reader)
        yield from cast(Iterator[Record], reader)


def blocks(file: BinaryIO, where: str) -> Iterator[Iterator[Record]]:
    """The blocks of an Avro file, each as a stream that decodes record by record. Otherwise as `read`."""
    with decoding("Avro file", where, _RESTORE):
        reader = fastavro.block_reader(_CountedFile(file))
        _check_header(reader)
        for block in reader:
            yield _records(block, where)


class _CountedFile:
    """A file of a server, which nobody can seek in: the reader of blocks asks where it is."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._position = 0

    def read(self, count: int = -1) -> bytes:
        """Read on."""
        data = self._file.read(count)
        self._position += len(data)
        return data

    def tell(self) -> int:
        """Bytes read so far."""
        return self._position


def _records(block: Iterable[Any], where: str) -> Iterator[Record]:
    with decoding("Avro file", where, _RESTORE):
        yield from cast(Iterator[Record], block)


def _check_header(reader: Any) -> None:
    if reader.writer_schema["fields"] != _FIELDS or reader.codec not in _CODECS:
        raise ValueError("its header is not that of an archived part")


def _header_fields() -> list[Any]:
    """The fields as the header of a file of ours has them."""
    return cast(list[Any], fastavro.reader(BytesIO(encode([], "null"))).writer_schema["fields"])


_FIELDS = _header_fields()


def in_millis(record: Record) -> Record:
    """A record from `read`, its times as whole milliseconds again."""
    return record | {name: millis(record[name]) for name in ("created_at", "received_at")}
