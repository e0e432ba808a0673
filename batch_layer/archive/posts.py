"""Posts of an hour, read back one by one: the plain way, for recounts. Batch jobs read the same parts with Spark."""

from collections.abc import Iterator

from batch_layer.archive.buffer import Record
from batch_layer.archive.encoding import in_millis, read
from batch_layer.archive.ledger import Ledger
from batch_layer.archive.manifest import Part
from batch_layer.archive.paths import hour_folder
from config.errors import TrendsError
from ingest.hours import Hour

_DAMAGED = "Restore this file from a backup of HDFS; while Kafka has its offsets, `trends verify --all` names them"


def posts_of(ledger: Ledger, hour: Hour) -> Iterator[Record]:
    """Every record of an hour, as `post.avsc` has it with times in milliseconds. A post sent twice comes twice.

    Raises `TrendsError` where a part is not what its manifest says.
    """
    for part in ledger.parts(hour):
        for record in records_of(ledger, part):
            yield in_millis(record)


def records_of(ledger: Ledger, part: Part) -> Iterator[Record]:
    """The records of a part with an absolute path, times as datetimes, checked against length and count."""
    _check(part, ledger.store.bytes_of(part.path))
    count = 0
    with ledger.store.open(part.path) as file:
        for record in read(file, part.path):
            count += 1
            yield record
    if count != part.records:
        raise TrendsError(f"{count} records instead of {part.records}", where=part.path, next_step=_DAMAGED)


def check_lengths(ledger: Ledger, hour: Hour) -> None:
    """Raise `TrendsError` where a part of the hour is missing, or has not the length of its manifest."""
    folder = ledger.paths.absolute(hour_folder(hour))
    there = {f"{folder}/{entry.name}": entry.bytes for entry in ledger.store.entries(folder)}
    for part in ledger.parts(hour):
        _check(part, there.get(part.path))


def _check(part: Part, length: int | None) -> None:
    if length != part.bytes:
        what = "the file is missing" if length is None else f"{length} bytes instead of {part.bytes}"
        raise TrendsError(what, where=part.path, next_step=_DAMAGED)
