"""Post lookup: archived posts by their places, from the few files of their hours that can hold them.

It reads no manifest: a file lies in the folder of an hour only after its commit, its name says which offsets of which
partition it has, and a compacted file has those of all. A file that compaction has replaced has the same posts. So a
place survives compaction, and a look-up costs a listing and a few files, whatever the length of the history.

Records lie in order of partition and offset, in blocks. The look-up decodes the first record of each block, and the
others only of blocks that can hold a place that it looks for.

It stops at its `Limits`. It tells which posts it has not found, and why; a damaged or missing file hides no post of
another one.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import NamedTuple

from batch_layer.archive.avro import Record, blocks, in_millis
from batch_layer.archive.hour_layout import compaction_of, hour_folder, is_part, span_of
from batch_layer.archive.paths import Paths
from batch_layer.storage.chunk_files.identity import read_archive
from batch_layer.storage.file_store import Entry, Store
from config.errors import DamagedError, NoDataError, UnavailableError
from config.quantity import quantity
from ingest.hours import Hour

_Offset = tuple[int, int]
"""Partition and offset."""


class ArchivedPlace(NamedTuple):
    """The place of one post."""

    archive: str
    """Id of the archive."""
    hour: Hour
    partition: int
    offset: int


class Limits(NamedTuple):
    """The most that one look-up reads."""

    seconds: float = 20.0
    bytes: int = 512 << 20


class Lookup(NamedTuple):
    """Result of a look-up."""

    records: dict[ArchivedPlace, Record]
    """As `post.avsc` has them, with times in milliseconds."""
    absent: dict[ArchivedPlace, str]
    """Places without a record, and the reason."""


class PostLookup:
    """One look-up in the archives below some folders of one HDFS."""

    def __init__(
        self,
        store: Store,
        roots: Iterable[str],
        limits: Limits,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`roots`: folders in which archives may be, the likeliest first. `clock`: seconds."""
        self._store, self._roots, self._limits, self._clock = store, tuple(dict.fromkeys(roots)), limits, clock
        self._until = clock() + limits.seconds
        self._bytes = 0
        self._folders: dict[str, str] = {}
        """Folders by the archive in them, as far as known."""

    def find(self, places: Iterable[ArchivedPlace]) -> Lookup:
        """The posts at these places, in any order. Where HDFS does not answer, all are absent."""
        by_hour: defaultdict[tuple[str, Hour], set[_Offset]] = defaultdict(set)
        for archive, hour, partition, offset in places:
            by_hour[archive, hour].add((partition, offset))
        found = Lookup({}, {})
        down = ""
        for (archive, hour), offsets in by_hour.items():
            records: dict[_Offset, Record] = {}
            why: dict[_Offset, str] = {}
            reason = down
            try:
                reason = reason or self._excess() or self._in_hour(archive, hour, offsets, records, why)
            except UnavailableError as error:
                down = reason = str(error)
            for at in offsets:
                place = ArchivedPlace(archive, hour, *at)
                if at in records:
                    found.records[place] = in_millis(records[at])
                else:
                    found.absent[place] = why.get(at, reason)
        return found

    def _in_hour(
        self,
        archive: str,
        hour: Hour,
        offsets: Collection[_Offset],
        records: dict[_Offset, Record],
        why: dict[_Offset, str],
    ) -> str:
        """Read the files of an hour that can have these offsets; return why others are absent that `why` lacks."""
        root = self._folder(archive)
        if root is None:
            return f"no folder has the archive {archive}: name it in hdfs.earlier"
        folder = f"{root}/{hour_folder(hour)}"
        for entry in _files(self._store.entries(folder)):
            of_file = _within(entry.name, offsets) - records.keys()
            if not of_file:
                continue
            if over := self._excess(entry.bytes):
                why |= dict.fromkeys(of_file, over)
                continue
            self._bytes += entry.bytes
            try:
                records.update(self._in_file(f"{folder}/{entry.name}", of_file))
            except (DamagedError, NoDataError, UnavailableError) as error:
                why |= dict.fromkeys(of_file, str(error))
        return f"no file in {folder} has it"

    def _in_file(self, path: str, offsets: Collection[_Offset]) -> Iterator[tuple[_Offset, Record]]:
        """The records at these offsets, as far as the file has them."""
        with self._store.open(path) as file:
            before: Iterator[Record] = iter(())
            """Records of the block before, of which nobody knows yet whether it can have one of them."""
            starts: _Offset | None = None
            for block in blocks(file, path):
                if over := self._excess():
                    raise UnavailableError(over, where=path)
                first = next(block, None)
                if first is None:
                    continue
                at = _place_of(first)
                if starts is not None and any(starts < place < at for place in offsets):
                    yield from _at(before, offsets)
                before, starts = block, at
                yield from _at([first], offsets)
            yield from _at(before, offsets)

    def _folder(self, archive: str) -> str | None:
        """The folder of an archive: its identity file says so."""
        for root in self._roots:
            if archive in self._folders:
                break
            identity = read_archive(self._store, Paths(root, "posts"))
            if identity is not None:
                self._folders.setdefault(identity.id, root.rstrip("/"))
        return self._folders.get(archive)

    def _excess(self, more: int = 0) -> str:
        """Why so many bytes more are too much; empty where they are not."""
        if self._clock() > self._until:
            return f"not read: a look-up ends after {self._limits.seconds:g} s"
        if self._bytes + more > self._limits.bytes:
            return f"not read: a look-up reads at most {quantity(self._limits.bytes, 'byte')}"
        return ""


def _files(entries: Iterable[Entry]) -> list[Entry]:
    """The files of posts: chunks, which compaction may have replaced, then compacted ones from the latest on."""
    files = [entry for entry in entries if is_part(f"dt=2000-01-01/hour=00/{entry.name}")]
    return sorted(files, key=lambda entry: (0, 0) if span_of(entry.name) else (1, -compaction_of(entry.name)))


def _within(name: str, offsets: Collection[_Offset]) -> set[_Offset]:
    """The offsets that a file can have, by its name."""
    span = span_of(name)
    return {
        (partition, at)
        for partition, at in offsets
        if span is None or (partition == span.partition and span.start <= at < span.next)
    }


def _at(records: Iterable[Record], offsets: Collection[_Offset]) -> Iterator[tuple[_Offset, Record]]:
    return ((place, record) for record in records if (place := _place_of(record)) in offsets)


def _place_of(record: Record) -> _Offset:
    return record["partition"], record["offset"]
