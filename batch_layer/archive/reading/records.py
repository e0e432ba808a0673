"""Posts of an hour, read back one by one: the plain way, for recounts. Batch jobs read the same parts with Spark."""

from collections.abc import Callable, Iterator

from batch_layer.archive.avro import Record, in_millis, read
from batch_layer.archive.hour_layout import hour_folder, span_of
from batch_layer.archive.manifest import Part
from batch_layer.archive.reading.ledger import Ledger
from config.errors import DamagedError, NoDataError
from config.quantity import quantity
from ingest.hours import Hour, moment_of

_DAMAGED = "Restore this file from a backup of HDFS; while Kafka has its offsets, `trends verify --all` names them"


def posts_of(ledger: Ledger, hour: Hour) -> Iterator[Record]:
    """Every record of an hour, as `post.avsc` has it with times in milliseconds. A post sent twice comes twice.

    Raises `DamagedError` where a part contradicts its manifest.
    """
    for part in ledger.parts(hour):
        for record in records_of(ledger, part):
            yield in_millis(record)


def records_of(ledger: Ledger, part: Part) -> Iterator[Record]:
    """The records of a part with an absolute path, times as datetimes.

    Raises `DamagedError` where length, count, or the time or offset of a record contradicts the manifest.
    """
    _check(part, ledger.store.bytes_of(part.path))
    count = 0
    belongs = _membership(part)
    try:
        with ledger.store.open(part.path) as file:
            for record in read(file, part.path):
                count += 1
                if not belongs(record):
                    what = f"a post of {record['created_at']} at {record['partition']}@{record['offset']} lies in it"
                    raise DamagedError(what, where=part.path, next_step=_DAMAGED)
                yield record
    except NoDataError:
        _check(part, None)  # it went between the two looks
    if count != part.records:
        raise DamagedError(
            f"{quantity(count, 'record')} instead of {part.records}", where=part.path, next_step=_DAMAGED
        )


def _membership(part: Part) -> Callable[[Record], bool]:
    """Whether a record may lie in a part, by its time and its offset. A compacted hour has posts of any offset."""
    first, last = moment_of(part.min_at), moment_of(part.max_at)
    span = span_of(part.path)

    def belongs(record: Record) -> bool:
        if not first <= record["created_at"] <= last:
            return False
        if span is None:
            return bool(record["partition"] >= 0 and record["offset"] >= 0)
        return bool(record["partition"] == span.partition and span.start <= record["offset"] < span.next)

    return belongs


def check_lengths(ledger: Ledger, hour: Hour) -> None:
    """Raise `DamagedError` where a part of the hour is missing, or has not the length of its manifest."""
    folder = ledger.paths.absolute(hour_folder(hour))
    there = {f"{folder}/{entry.name}": entry.bytes for entry in ledger.store.entries(folder)}
    for part in ledger.parts(hour):
        _check(part, there.get(part.path))


def _check(part: Part, length: int | None) -> None:
    if length != part.bytes:
        what = "the file is missing" if length is None else f"{quantity(length, 'byte')} instead of {part.bytes}"
        raise DamagedError(what, where=part.path, next_step=_DAMAGED)
