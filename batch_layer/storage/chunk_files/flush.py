"""Flush: a chunk becomes files on HDFS, once. Five steps, in this order; the third is the commit.

    write        encode a part for each label, such as an hour
    upload       PUT each part to _tmp/<attempt>/<k>.<extension>, and check its length
    commit       send the rejects, then rename the manifest to _commit/<partition>/<start>.json
    place        rename each part to its label's folder
    acknowledge  commit the Kafka offset, for tools that show lag; no stage starts from it

After a crash between any two steps the next owner of the partition does it again under another uuid (before the
commit), or completes it (`finish`, after the commit).

The first two steps are those of `upload.py`: another process may take them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic
from uuid import uuid4

from msgspec import UNSET

from batch_layer.delivery.chunk import Chunk, Label, Row
from batch_layer.storage.chunk_files.chunk_manifest import M
from batch_layer.storage.chunk_files.commit_log import CommitLog
from batch_layer.storage.chunk_files.file_format import FileFormat
from batch_layer.storage.chunk_files.placement import Site, finish, finish_all
from batch_layer.storage.chunk_files.upload import Receipt, Upload
from config.errors import FencedError, TrendsError
from config.settings.network import tracing
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


class ChunkCommit(Generic[Label, Row, M]):
    """Steps 3 to 5 of a chunk. After an `UnavailableError` call `run` again: it resumes at the step that failed."""

    def __init__(self, outlets: Outlets[Label, Row, M], log: CommitLog[M], receipt: Callable[[], Receipt]) -> None:
        """`receipt` is called at step 3: the parts may come from this process or from another one."""
        self._to = outlets
        self._log = log
        self._receipt = receipt
        self._manifest: M | None = None
        self._steps: list[Callable[[], None]] = [self.commit, self.place, self.acknowledge]

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
        with tracing.span(step.__name__):
            step()
        del self._steps[0]
        return step.__name__

    def commit(self) -> None:
        """Step 3. The check of the topic comes after the last read, so a chunk holds no message of a recreated one."""
        receipt = self._receipt()
        self._to.check_topic()
        self._to.send_rejects(receipt.rejects)
        if self._manifest is None:
            self._manifest = self._make_manifest(receipt)
        there = self._log.commit(self._manifest)
        if there.uuid != receipt.attempt.uuid.hex:
            self._to.site.store.delete(self._to.site.paths.tmp(receipt.attempt), everything_below=True)
            where = f"{there.topic}/{there.partition}@{there.start}"
            writer = self._to.site.paths.terms.writer
            raise FencedError(f"another {writer} has committed up to {there.next}", where=where)
        self._log.advance(there)

    def place(self) -> None:
        """Step 4."""
        finish(self._to.site, self._committed)

    def acknowledge(self) -> None:
        """Step 5."""
        self._to.acknowledge(self._committed.partition, self._committed.next)

    @property
    def _committed(self) -> M:
        if self._manifest is None:
            raise TrendsError("not committed yet", where=f"{self._to.site.paths.topic}/{self._log.number}")
        return self._manifest

    def _make_manifest(self, receipt: Receipt) -> M:
        return self._to.site.paths.manifests.make(
            uuid=receipt.attempt.uuid.hex,
            kind="chunk",
            topic=self._to.site.paths.topic,
            partition=self._log.number,
            start=receipt.attempt.start,
            next=receipt.next,
            parts=receipt.parts,
            rejected=len(receipt.rejects),
            left_out=receipt.left_out or UNSET,
            committed_at=self._to.now(),
            schema=self._to.files.schema,
            archive=self._to.site.origin.archive,
            topic_id=self._to.site.origin.topic_id,
        )


class Flush(ChunkCommit[Label, Row, M]):
    """All five steps of a chunk, in this process."""

    def __init__(self, outlets: Outlets[Label, Row, M], log: CommitLog[M], chunk: Chunk[Label, Row]) -> None:
        upload = Upload(outlets.site.store, outlets.site.paths, outlets.site.threads, outlets.files, chunk)
        super().__init__(outlets, log, upload.receipt)
        self._steps = [upload.write, upload.upload, *self._steps]


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
