"""Flush: a chunk becomes files on HDFS, once. Five steps, in this order; the third is the commit.

    write        encode a part for each hour
    upload       PUT each part to _tmp/<uuid>/<k>.avro, and see that it has its length
    commit       send the rejects, then rename the manifest to _commit/<partition>/<start>.json
    place        rename each part to its hour's folder
    acknowledge  commit the Kafka offset, for whoever looks at lag; nothing is ever started from it

Stopped between any two steps, by whatever means, it is either done again by the next owner of the partition under
another uuid (before the commit), or finished by it (`finish`).

The parts are encoded in memory, and no local file is written: nothing ever reads one after a crash.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from uuid import UUID, uuid4

from batch_layer.archive.buffer import OpenChunk, Record
from batch_layer.archive.encoding import encode
from batch_layer.archive.log import CommitLog
from batch_layer.archive.manifest import Manifest, Part
from batch_layer.archive.paths import Paths, parent
from batch_layer.archive.store import Store
from config.errors import FencedError, TrendsError, UnavailableError
from ingest.hours import Hour, Millis
from ingest.wire import Reject

STALE_MS = 3_600_000
"""Parts that were uploaded longer ago are uploaded again before the commit: compaction clears `_tmp` after a day."""


@dataclass(frozen=True)
class Outlets:
    """Everything a flush touches."""

    store: Store
    paths: Paths
    threads: Executor
    codec: str
    send_rejects: Callable[[Sequence[Reject]], None]
    """Returns when they are delivered, or raises `UnavailableError`."""
    acknowledge: Callable[[int, int], None]
    """Tell Kafka that a partition is archived up to an offset. Need not succeed."""
    now: Callable[[], Millis]


class Flush:
    """One chunk on its way. After an `UnavailableError` call `run` again: it goes on with the step it was at."""

    def __init__(self, outlets: Outlets, log: CommitLog, chunk: OpenChunk) -> None:
        self._to = outlets
        self._log = log
        self._chunk = chunk
        self._uuid = uuid4()
        self._files: list[bytes] = []
        self._parts: list[Part] = []
        self._uploaded_at: Millis = 0
        self._manifest: Manifest | None = None
        self._steps = [self.write, self.upload, self.commit, self.place, self.acknowledge]

    def run(self, after_step: Callable[[str], None]) -> Manifest:
        """Take the steps that are left, and return what is committed.

        Raises `FencedError` where another archiver has committed from this offset: nothing of ours is left then.
        """
        while self._steps:
            step = self._steps[0]
            step()
            del self._steps[0]
            after_step(step.__name__)
        return self._committed

    def write(self) -> None:
        """Step 1."""
        hours = self._chunk.by_hour()
        self._files = list(self._to.threads.map(lambda item: encode(item[1], self._to.codec), hours))
        self._parts = [
            self._part(number, hour, records, len(file))
            for number, ((hour, records), file) in enumerate(zip(hours, self._files, strict=True), start=1)
        ]

    def upload(self) -> None:
        """Step 2. One listing gives the length of every part."""
        to = self._to
        self._uploaded_at = to.now()
        list(
            to.threads.map(lambda n: to.store.put(to.paths.tmp_part(self._uuid, n + 1), self._files[n]), self._numbers)
        )
        there = {entry.name: entry.bytes for entry in to.store.entries(to.paths.tmp(self._uuid))}
        for n in self._numbers:
            if there.get(f"{n + 1}.avro") != len(self._files[n]):
                raise UnavailableError("a part is cut off", where=to.paths.tmp_part(self._uuid, n + 1))

    def commit(self) -> None:
        """Step 3."""
        if self._to.now() - self._uploaded_at > STALE_MS:
            self.upload()
        self._to.send_rejects(self._chunk.rejects)
        if self._manifest is None:
            self._manifest = self._make_manifest()
        there = self._log.commit(self._manifest)
        if there.uuid != self._uuid.hex:
            self._to.store.delete(self._to.paths.tmp(self._uuid), everything_below=True)
            where = f"{there.topic}/{there.partition}@{there.start}"
            raise FencedError(f"another archiver has committed up to {there.next}", where=where)
        self._log.advance(there)

    def place(self) -> None:
        """Step 4."""
        finish(self._to, self._committed)

    def acknowledge(self) -> None:
        """Step 5."""
        self._to.acknowledge(self._chunk.partition, self._chunk.next)

    @property
    def _numbers(self) -> range:
        return range(len(self._files))

    @property
    def _committed(self) -> Manifest:
        if self._manifest is None:
            raise TrendsError("not committed yet", where=f"{self._chunk.topic}/{self._chunk.partition}")
        return self._manifest

    def _part(self, number: int, hour: Hour, records: list[Record], size: int) -> Part:
        times = [record["created_at"] for record in records]
        path = self._to.paths.part(hour, self._chunk.span, number, len(self._chunk.hours))
        return Part(str(hour), path, len(records), size, min(times), max(times))

    def _make_manifest(self) -> Manifest:
        return Manifest(
            uuid=self._uuid.hex,
            kind="chunk",
            topic=self._chunk.topic,
            partition=self._chunk.partition,
            start=self._chunk.start,
            next=self._chunk.next,
            parts=tuple(self._parts),
            rejected=len(self._chunk.rejects),
            committed_at=self._to.now(),
        )


def finish(to: Outlets, manifest: Manifest) -> None:
    """Bring the parts of a committed manifest to their places. Any process may do it, at any time, again."""
    uuid = UUID(manifest.uuid)
    waiting = {entry.name for entry in to.store.entries(to.paths.tmp(uuid))}
    moves = [
        (to.paths.tmp_part(uuid, number), part)
        for number, part in enumerate(manifest.parts, start=1)
        if f"{number}.avro" in waiting
    ]
    folders = {parent(to.paths.absolute(part.path)) for _, part in moves}
    list(to.threads.map(to.store.make_folder, sorted(folders)))
    list(to.threads.map(lambda move: _move(to, *move), moves))
    to.store.delete(to.paths.tmp(uuid), everything_below=True)


def _move(to: Outlets, source: str, part: Part) -> None:
    """A rename that says no: the part has been moved already, here with its length, or it must be tried again."""
    path = to.paths.absolute(part.path)
    if to.store.rename(source, path):
        return
    there = to.store.bytes_of(path)
    if there not in {None, part.bytes}:
        raise TrendsError(f"{there} bytes instead of {part.bytes}", where=path, next_step="`trends verify` tells more")
    if there is None and to.store.bytes_of(source) is not None:
        raise UnavailableError("HDFS did not move a part", where=path)


def recover(to: Outlets, log: CommitLog) -> int:
    """Finish what a former owner of the partition has committed, and tell from where to go on."""
    left = {entry.name for entry in to.store.entries(to.paths.all_tmp)}
    for manifest in log.read_on(to.threads):
        if manifest.uuid in left:
            finish(to, manifest)
    log.index()
    return log.position


def record_gap(to: Outlets, log: CommitLog, end: int) -> None:
    """Commit that the offsets from the end of the log up to `end` were gone from Kafka before they were archived."""
    manifest = Manifest(
        uuid=uuid4().hex,
        kind="gap",
        topic=to.paths.topic,
        partition=log.number,
        start=log.position,
        next=end,
        committed_at=to.now(),
    )
    log.append(manifest)
    to.store.delete(to.paths.tmp(UUID(manifest.uuid)), everything_below=True)
