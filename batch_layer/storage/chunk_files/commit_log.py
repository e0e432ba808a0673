"""CommitLog: an append-only chain of manifests, one for each Kafka partition and one for the hours.

A manifest that begins at `start` is the file `<start>.json`, and the rename that puts it there is the commit: nobody
can put a second one there. So manifests alone say where the log ends: follow `next` from 0 to its end.

A log has `damage` if the chain breaks although more manifests lie behind: one of them is unreadable, or missing (a
`Hole`). Readers take the manifests before it. Nobody appends to such a log: a manifest in the hole would take the name
of the missing one, and could hide those behind it.

Reading ten thousand small files takes minutes, so index files hold full runs of manifests as well. Readers check them,
and anybody may delete them at any time.
"""

import logging
import re
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor
from itertools import chain, pairwise
from typing import Generic, NamedTuple
from uuid import uuid4

from batch_layer.storage.chunk_files.attempts import HOURS, Attempt
from batch_layer.storage.chunk_files.chunk_manifest import RESTORE, M
from batch_layer.storage.chunk_files.file_paths import FilePaths
from batch_layer.storage.file_store import Store
from config.errors import DamagedError, TrendsError, UnavailableError
from ingest.kafka.topic_ids import OtherTopicError, differ

INDEXED = 500
"""Manifests in an index file."""
TRIES = 5

_MANIFEST = re.compile(r"\d{20}\.json", re.ASCII)
_log = logging.getLogger(__name__)


class Hole(NamedTuple):
    """Offsets `[start, end)` whose manifest is missing, though manifests follow."""

    start: int
    end: int
    behind: int
    """Manifests that lie behind it, the first of them at `end`."""


class HoleError(DamagedError):
    """A log has a hole: it has lost a manifest."""

    def __init__(self, hole: Hole, *, where: str, next_step: str) -> None:
        what = f"the manifest of offsets {hole.start} to {hole.end - 1} is missing, and {hole.behind} lie behind it"
        super().__init__(what, where=where, next_step=next_step)
        self.hole = hole


class CommitLog(Generic[M]):
    """Reads one log as it grows, and appends to it."""

    def __init__(self, store: Store, paths: FilePaths[M], number: int, archive: str = "") -> None:
        """`archive`: the id of the folder that its manifests must name, where they name one; empty: any."""
        self._store = store
        self._paths = paths
        self.number = number
        self.archive = archive
        self.position = 0
        """Start of the next manifest: the log has read everything before it."""
        self.damage: DamagedError | None = None
        """Why reading stops at `position` although there is more; None where the log is whole."""
        self.last: M | None = None
        """The manifest that ends at `position`."""
        self._unindexed: list[M] = []

    def read_on(self, threads: Executor) -> list[M]:
        """Every manifest from `position` on, in order, up to the end of the log or its `damage`."""
        indexed = _chain(self.position, self._read_indexes(threads))
        position = indexed[-1].next if indexed else self.position
        starts = self._starts_from(position)
        single: list[M] = []
        self.damage = None
        for start, found in zip(starts, threads.map(self._read, starts), strict=True):
            if start != position:
                continue
            if isinstance(found, DamagedError):
                self.damage = found
                break
            single.append(found)
            position = found.next
        self._unindexed += single
        self.position = position
        self.last = (indexed + single)[-1] if indexed or single else self.last
        if self.damage is None:
            self.damage = self._hole_in(starts)
        return indexed + single

    def hole(self) -> HoleError | None:
        """Look whether manifests lie behind `position` and none at it."""
        return self._hole_in(self.starts())

    def starts(self) -> list[int]:
        """Starts of the manifests that stand at `position` or behind, ascending: read or not."""
        return self._starts_from(self.position)

    def commit(self, manifest: M) -> M:
        """Put a manifest in its place unless there is one, and return the one that is there: compare the uuids.

        Raises `UnavailableError` while HDFS does not say. Then call again with the same manifest: the rename may have
        happened, or may still happen.
        """
        source = self._paths.tmp_manifest(manifest.attempt)
        path = self._paths.commit(self.number, manifest.start)
        for _ in range(TRIES):
            self._store.make_folder(self._paths.commits(self.number))
            if self._write(source, self._paths.manifests.encode(manifest)) and self._store.rename(source, path):
                return manifest
            there = self._store.get(path)
            if there is not None:
                return self._paths.manifests.decode(there, path)
        raise UnavailableError("HDFS refuses the commit without a reason", where=path, next_step="Has HDFS a quota?")

    def append(self, manifest: M) -> bool:
        """Commit a manifest, and read on behind it. False: another process has put one there.

        Raises `damage`, where the log has any.
        """
        if manifest.start != self.position:
            return False
        if self.damage is not None:
            raise self.damage
        there = self.commit(manifest)
        if there.uuid != manifest.uuid:
            return False
        self.advance(there)
        return True

    def advance(self, manifest: M) -> None:
        """Count a manifest that stands at `position` as read."""
        if manifest.start == self.position:
            self._unindexed.append(manifest)
            self.position = manifest.next
            self.last = manifest

    def index(self) -> None:
        """Write an index file for each full run of manifests that has none. Any process may, at any time."""
        while len(self._unindexed) >= INDEXED:
            run = self._unindexed[:INDEXED]
            tmp = self._paths.tmp(Attempt(self.number, run[0].start, uuid4()))
            path = self._paths.index(self.number, run[0].start, run[-1].next)
            self._store.make_folder(self._paths.indexes(self.number))
            data = self._paths.manifests.encode(run)
            if not (self._write(f"{tmp}/index.json", data) and self._store.rename(f"{tmp}/index.json", path)):
                _log.debug("%s: another has written it, or will", path)
            self._store.delete(tmp, everything_below=True)
            del self._unindexed[:INDEXED]

    def _write(self, path: str, data: bytes) -> bool:
        """Write a file; whether it is there in full."""
        self._store.put(path, data)
        return self._store.bytes_of(path) == len(data)

    def _read(self, start: int) -> M | DamagedError:
        """The manifest that begins at `start`, or its damage."""
        path = self._paths.commit(self.number, start)
        raw = self._store.get(path)
        if raw is None:
            return DamagedError("a manifest is gone", where=path, next_step=self._mend(start))
        try:
            manifest = self._paths.manifests.decode(raw, path)
        except DamagedError as error:
            return DamagedError(error.what, where=path, next_step=self._mend(start))
        if manifest.topic != self._paths.topic:
            terms = self._paths.terms
            what = f"{terms.folder} is of the topic {manifest.topic}, and {terms.topic_key} is {self._paths.topic}"
            raise OtherTopicError(what, where=path, next_step=terms.other_topic)
        if (manifest.start, manifest.partition) != (start, self.number) or not self._is_ours(manifest):
            return DamagedError("a manifest of something else", where=path, next_step=self._mend(start))
        return manifest

    def _is_ours(self, manifest: M) -> bool:
        """Whether a manifest is of this folder, as far as it says."""
        return not differ(manifest.archive, self.archive)

    def _hole_in(self, starts: Sequence[int]) -> HoleError | None:
        behind = [start for start in starts if start >= self.position]
        if not behind or behind[0] == self.position:
            return None
        hole = Hole(self.position, behind[0], len(behind))
        where = self._paths.commit(self.number, self.position)
        return HoleError(hole, where=where, next_step=self._mend(self.position))

    def _mend(self, start: int) -> str:
        """Advice for a manifest that is missing or damaged."""
        if self.number == HOURS:
            return RESTORE
        lost = self._paths.terms.lost_manifest.format(partition=self.number, start=start)
        return f"{RESTORE}; where there is none, {lost}"

    def _starts_from(self, position: int) -> list[int]:
        names = (entry.name for entry in self._store.entries(self._paths.commits(self.number), f"{position:020d}"))
        return [start for start in map(start_of, names) if start is not None]

    def _read_indexes(self, threads: Executor) -> Iterator[M]:
        folder = self._paths.indexes(self.number)
        names = [entry.name for entry in self._store.entries(folder, after=f"{self.position:020d}")]
        return chain.from_iterable(threads.map(self._read_index, (f"{folder}/{name}" for name in names)))

    def _read_index(self, path: str) -> list[M]:
        """The manifests of an index file; none where it has damage or is somebody else's: the single ones remain."""
        try:
            run = self._paths.manifests.decode_many(self._store.get(path) or b"[]", path)
        except TrendsError as error:
            _log.warning("an index file is left out: %s", error)
            return []
        whole = all(a.next == b.start for a, b in pairwise(run))
        ours = all(m.partition == self.number and m.topic == self._paths.topic and self._is_ours(m) for m in run)
        return run if whole and ours else []


def ends_of(store: Store, paths: FilePaths[M]) -> dict[int, int]:
    """The end of each partition's log, by its last file alone: the folder reaches at least there."""
    ends = {}
    for entry in store.entries(paths.all_commits):
        if entry.name.isdigit():
            number = int(entry.name)
            names = [each.name for each in store.entries(paths.commits(number)) if _MANIFEST.fullmatch(each.name)]
            if names:
                path = f"{paths.commits(number)}/{names[-1]}"
                try:
                    ends[number] = paths.manifests.decode(store.get(path) or b"", path).next
                except DamagedError:
                    ends[number] = int(names[-1][:20])
    return ends


def first_topic(store: Store, paths: FilePaths[M]) -> str | None:
    """The topic that a folder's first manifest names; None where there is no manifest."""
    for folder in store.entries(paths.all_commits):
        for entry in store.entries(f"{paths.all_commits}/{folder.name}"):
            path = f"{paths.all_commits}/{folder.name}/{entry.name}"
            if _MANIFEST.fullmatch(entry.name):
                return paths.manifests.decode(store.get(path) or b"", path).topic
    return None


def start_of(name: str) -> int | None:
    """The start of the manifest with this file name; None for any other name."""
    return int(name[:20]) if _MANIFEST.fullmatch(name) else None


def _chain(position: int, manifests: Iterable[M]) -> list[M]:
    """The manifests that follow one another from a position on."""
    found: list[M] = []
    for manifest in manifests:
        if manifest.start == position:
            found.append(manifest)
            position = manifest.next
    return found
