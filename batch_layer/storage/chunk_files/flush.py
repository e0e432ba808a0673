"""Flush: a chunk becomes files on HDFS, once. Five steps, in this order; the third is the commit.

    write        encode a part for each label, such as an hour
    upload       PUT each part to _tmp/<attempt>/<k>.<extension>, and check its length
    commit       send the rejects, then rename the manifest to _commit/<partition>/<start>.json
    place        rename each part to its label's folder
    acknowledge  commit the Kafka offset, for tools that show lag; no stage starts from it

After a crash between any two steps the next owner of the partition does it again under another uuid (before the
commit), or completes it (`finish`, after the commit).

It encodes parts in memory and writes no local file: after a crash nothing would read one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic
from uuid import uuid4

from msgspec import UNSET

from batch_layer.delivery.chunk import Chunk, Label, Row
from batch_layer.storage.chunk_files.attempts import Attempt
from batch_layer.storage.chunk_files.chunk_manifest import FilePart, M
from batch_layer.storage.chunk_files.commit_log import CommitLog
from batch_layer.storage.chunk_files.file_format import FileFormat
from batch_layer.storage.chunk_files.layout import Span
from batch_layer.storage.chunk_files.placement import Site, finish, finish_all
from config.errors import FencedError, TrendsError, UnavailableError
from ingest.hours import Millis
from ingest.wire import Reject


@dataclass(frozen=True)
class Outlets(Generic[Label, Row, M]):
    """Everything a flush touches."""

    site: Site[M]
    files: FileFormat[Label, Row]
    send_rejects: Callable[[Sequence[Reject]], None]
    """Returns after their delivery, or raises `UnavailableError`."""
    acknowledge: Callable[[int, int], None]
    """Tells Kafka the end of what the folder has of a partition. Need not succeed."""
    now: Callable[[], Millis]
    check_topic: Callable[[], None] = lambda: None
    """Raises `OtherTopicError` where messages read before may be of another topic than the folder."""


class Flush(Generic[Label, Row, M]):
    """One chunk on its way. After an `UnavailableError` call `run` again: it resumes at the step that failed."""

    def __init__(self, outlets: Outlets[Label, Row, M], log: CommitLog[M], chunk: Chunk[Label, Row]) -> None:
        self._to = outlets
        self._log = log
        self._chunk = chunk
        self._attempt = Attempt(chunk.partition, chunk.start, uuid4())
        self._files: list[bytes] = []
        self._parts: list[FilePart] = []
        self._manifest: M | None = None
        self._steps = [self.write, self.upload, self.commit, self.place, self.acknowledge]

    def run(self, after_step: Callable[[str], None]) -> M:
        """Take the remaining steps, and return the committed manifest.

        Raises `FencedError` where another writer has committed from this offset: then nothing of ours remains.
        """
        while not self.done:
            after_step(self.step())
        return self._committed

    @property
    def done(self) -> bool:
        """Whether no step remains."""
        return not self._steps

    def step(self) -> str:
        """Take one step, and return its name."""
        step = self._steps[0]
        step()
        del self._steps[0]
        return step.__name__

    def write(self) -> None:
        """Step 1."""
        files, rows = self._to.files, self._chunk.rows
        labels = sorted(rows, key=files.folder)
        self._files = list(self._to.site.threads.map(lambda label: files.encode(rows[label]), labels))
        self._parts = [
            self._part(number, label, len(file))
            for number, (label, file) in enumerate(zip(labels, self._files, strict=True), start=1)
        ]

    def upload(self) -> None:
        """Step 2. One listing gives the length of every part."""
        to = self._to
        folder = to.site.paths.tmp(self._attempt)
        files = {to.site.paths.tmp_part(self._attempt, n): file for n, file in enumerate(self._files, start=1)}
        list(to.site.threads.map(to.site.store.put, files.keys(), files.values()))
        there = {f"{folder}/{entry.name}": entry.bytes for entry in to.site.store.entries(folder)}
        for path, file in files.items():
            if there.get(path) != len(file):
                raise UnavailableError("a part is cut off", where=path)

    def commit(self) -> None:
        """Step 3. The check of the topic comes after the last read, so a chunk holds no message of a recreated one."""
        self._to.check_topic()
        self._to.send_rejects(self._chunk.rejects)
        if self._manifest is None:
            self._manifest = self._make_manifest()
        there = self._log.commit(self._manifest)
        if there.uuid != self._attempt.uuid.hex:
            self._to.site.store.delete(self._to.site.paths.tmp(self._attempt), everything_below=True)
            where = f"{there.topic}/{there.partition}@{there.start}"
            writer = self._to.site.paths.terms.writer
            raise FencedError(f"another {writer} has committed up to {there.next}", where=where)
        self._log.advance(there)

    def place(self) -> None:
        """Step 4."""
        finish(self._to.site, self._committed)

    def acknowledge(self) -> None:
        """Step 5."""
        self._to.acknowledge(self._chunk.partition, self._chunk.next)

    @property
    def _committed(self) -> M:
        if self._manifest is None:
            raise TrendsError("not committed yet", where=f"{self._chunk.topic}/{self._chunk.partition}")
        return self._manifest

    def _part(self, number: int, label: Label, size: int) -> FilePart:
        span = Span(self._chunk.partition, self._chunk.start, self._chunk.next)
        folder, rows = self._to.files.folder(label), self._chunk.rows
        path = self._to.site.paths.part_in(folder, span, number, len(rows))
        return self._to.files.part(label, path, rows[label], size)

    def _make_manifest(self) -> M:
        return self._to.site.paths.manifests.make(
            uuid=self._attempt.uuid.hex,
            kind="chunk",
            topic=self._chunk.topic,
            partition=self._chunk.partition,
            start=self._chunk.start,
            next=self._chunk.next,
            parts=tuple(self._parts),
            rejected=len(self._chunk.rejects),
            left_out=self._chunk.left_out or UNSET,
            committed_at=self._to.now(),
            schema=self._to.files.schema,
            archive=self._to.site.origin.archive,
            topic_id=self._to.site.origin.topic_id,
        )


def recover(to: Site[M], log: CommitLog[M]) -> int:
    """Complete the commits of a former owner of the partition; return the position to continue from.

    Raises `DamagedError` if the log has damage before its end: then nobody may append to it.
    """
    for _, error in finish_all(to, log.read_on(to.threads)):
        raise error
    log.index()
    if log.damage is not None:
        raise log.damage
    return log.position


def record_gap(to: Site[M], log: CommitLog[M], end: int, now: Millis, why: str = "") -> bool:
    """Commit a gap from the end of the log up to `end`. False: another has committed there.

    Raises `HoleError` where manifests lie behind: then the log lacks a manifest, and not rows.
    """
    if (hole := log.hole()) is not None:
        raise hole
    manifest = gap_manifest(to, log, end, now, why)
    ours = log.append(manifest)
    to.store.delete(to.paths.tmp(manifest.attempt), everything_below=True)
    return ours


def gap_manifest(to: Site[M], log: CommitLog[M], end: int, now: Millis, why: str = "") -> M:
    """The manifest that declares the offsets from the end of the log up to `end` lost."""
    return to.paths.manifests.make(
        uuid=uuid4().hex,
        kind="gap",
        topic=to.paths.topic,
        partition=log.number,
        start=log.position,
        next=end,
        why=why,
        committed_at=now,
        archive=to.origin.archive,
        topic_id=to.origin.topic_id,
    )
