"""Compaction: the files of a complete, quiet hour become one. Readers see the old list or the new one, nothing else.

    merge     read an hour's parts, in order of partition and offset, into one file, with every record
    upload    PUT it to _tmp/<attempt>/<k>.avro, and check its length; so a few hours together
    commit    rename a manifest of kind `compact`, which names the replaced files, to _commit/hours/<serial>.json
    place     rename each file to its hour's folder
    purge     after `archive.keep_replaced_s`, in a later run: delete the replaced files, then commit a `purge`

The log of the hours is one chain for all hours, so HDFS refuses one of two compactors, which looks again. Later posts
lie in parts of their own, and a later compaction merges them with the compacted file.
"""

import heapq
import logging
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from itertools import takewhile
from typing import Any, BinaryIO
from uuid import UUID, uuid4

from batch_layer.archive.avro import Record, write
from batch_layer.archive.hour_layout import span_of
from batch_layer.archive.manifest import Manifest, Part
from batch_layer.archive.reading.ledger import Ledger, ledger_of
from batch_layer.archive.reading.records import check_lengths, records_of
from batch_layer.archive.reading.watermark import complete_until
from batch_layer.storage.chunk_files.attempts import HOURS, Attempt
from batch_layer.storage.chunk_files.placement import Site, finish
from config.errors import DamagedError, TrendsError, UnavailableError
from config.settings import ArchiveSettings, Settings
from ingest.hours import Hour, Millis

ABANDONED_MS = 86_400_000
"""Compaction deletes older files of `_tmp` that are no attempt of ours."""
GROUP = 64
"""Hours in a commit."""
PIECE_BYTES = 1 << 20

_log = logging.getLogger(__name__)


@dataclass
class Report:
    """Result of one run."""

    hours: list[str] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)
    """Hours left as they are, since a file of theirs contradicts its manifest."""
    replaced: int = 0
    """Merged files."""
    deleted: int = 0
    """Deleted files, replaced long enough ago."""
    cleared: int = 0
    """Folders of `_tmp` that nobody can commit any more."""

    def document(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)


class Compaction:
    """One run over the hours that need it."""

    def __init__(self, ledger: Ledger, settings: ArchiveSettings, now: Millis) -> None:
        self._ledger = ledger
        self._settings = settings
        self._now = now
        self.report = Report()

    def run(self, hours: Sequence[Hour]) -> Report:
        """Merge these hours, delete the files that earlier runs have replaced, and clear `_tmp`.

        An hour with a damaged file stays as it is and holds no other one up. Raises `DamagedError` if the log of the
        hours has damage, since nobody can commit a compaction then.
        """
        if (damage := self._ledger.damage.get(HOURS)) is not None:
            raise damage
        with ThreadPoolExecutor(self._settings.upload_threads) as threads:
            to = Site(self._ledger.store, self._ledger.paths, threads, self._ledger.origin)
            for first in range(0, len(hours), GROUP):
                self._merge(to, hours[first : first + GROUP])
            self._purge(to)
            self._clear(to)
        self._ledger.index()
        return self.report

    def _merge(self, to: Site[Manifest], hours: Sequence[Hour]) -> None:
        """Put one file in place of each hour's parts, all in one commit. Nothing happens if another was quicker."""
        attempt = Attempt(HOURS, self._ledger.hours_log.position, uuid4())
        old = {hour: self._ledger.parts(hour) for hour in hours}
        merged = to.threads.map(
            lambda item: self._merge_hour(to, attempt, item[0], item[1], old[item[1]]), enumerate(hours)
        )
        parts = [part for part in merged if part is not None]
        whole = [Hour.parse(part.hour) for part in parts]
        if len(whole) < len(hours):
            self.report.damaged += [str(hour) for hour in hours if hour not in whole]
            to.store.delete(to.paths.tmp(attempt), everything_below=True)
            self._merge(to, whole)
            return
        root = to.paths.absolute("")
        replaces = tuple(part.path.removeprefix(root) for hour in hours for part in old[hour])
        if parts and self._commit(to, self._link(attempt.uuid, tuple(parts), replaces)):
            self.report.hours += [str(hour) for hour in hours]
            self.report.replaced += len(replaces)

    def _merge_hour(
        self, to: Site[Manifest], attempt: Attempt, index: int, hour: Hour, parts: list[Part]
    ) -> Part | None:
        """Upload an hour's new file. None where an old one has damage."""
        path = to.paths.tmp_part(attempt, index + 1)
        try:
            with tempfile.TemporaryFile() as file:
                part = self._write(hour, parts, file)
                to.store.put(path, _pieces(file))
        except OSError as error:
            where = tempfile.gettempdir()
            raise TrendsError(str(error), where=where, next_step="Make room there, or set TMPDIR") from None
        except DamagedError as error:
            _log.error("%s is not compacted: %s", hour, error)
            return None
        return part

    def _write(self, hour: Hour, parts: list[Part], file: BinaryIO) -> Part:
        ordered = heapq.merge(*self._streams(parts), key=_place_of)
        write(file, _each_once(ordered), self._settings.codec)
        path = self._ledger.paths.compacted(hour, self._ledger.hours_log.position)
        earliest, latest = min(part.min_at for part in parts), max(part.max_at for part in parts)
        return Part(str(hour), path, sum(part.records for part in parts), file.tell(), earliest, latest)

    def _commit(self, to: Site[Manifest], link: Manifest) -> bool:
        """Commit and place. A last look at the files comes just before, in case this process has slept meanwhile."""
        attempt = link.attempt
        there = {entry.name: entry.bytes for entry in to.store.entries(to.paths.tmp(attempt))}
        for number, part in enumerate(link.parts, start=1):
            if there.get(f"{number}.avro") != part.bytes:
                raise UnavailableError("a compacted file is cut off", where=to.paths.tmp_part(attempt, number))
        if not self._ledger.hours_log.append(link):
            to.store.delete(to.paths.tmp(attempt), everything_below=True)
            _log.info("another compactor was quicker: its work is taken as it is")
            self._ledger.refresh()
            return False
        finish(to, link)
        self._ledger.add_compaction(link)
        return True

    def _streams(self, parts: list[Part]) -> Iterator[Iterator[Record]]:
        """One stream for each partition, its chunks after one another, and one for each compacted file."""
        chains: defaultdict[int | str, list[tuple[int, Part]]] = defaultdict(list)
        for part in parts:
            span = span_of(part.path)
            chains[span.partition if span else part.path].append((span.start if span else 0, part))
        for chain in chains.values():
            yield self._records([part for _, part in sorted(chain, key=lambda item: item[0])])

    def _records(self, parts: list[Part]) -> Iterator[Record]:
        for part in parts:
            yield from records_of(self._ledger, part)

    def _link(
        self, uuid: UUID, parts: tuple[Part, ...] = (), replaces: tuple[str, ...] = (), purged: int = 0
    ) -> Manifest:
        serial = self._ledger.hours_log.position
        return Manifest(
            uuid=uuid.hex,
            kind="compact" if parts else "purge",
            topic=self._ledger.paths.topic,
            partition=HOURS,
            start=serial,
            next=serial + 1,
            parts=parts,
            replaces=replaces,
            purged=purged,
            committed_at=self._now,
            archive=self._ledger.origin.archive,
            topic_id=self._ledger.origin.topic_id,
        )

    def _purge(self, to: Site[Manifest]) -> None:
        """Delete files long enough after their replacement, provided that the replacement is there."""
        done = max((link.purged for link in self._ledger.compactions), default=0)
        until = self._now - self._settings.keep_replaced_s * 1000
        links = [link for link in self._ledger.compactions if link.start >= done and link.kind == "compact"]
        old = [link for link in links if link.committed_at <= until]
        if not old:
            return
        old = list(takewhile(self._is_whole, old))
        if not old:
            return
        paths = [to.paths.absolute(path) for link in old for path in link.replaces]
        list(to.threads.map(to.store.delete, paths))
        self.report.deleted += len(paths)
        link = self._link(uuid4(), purged=old[-1].next)
        self._ledger.hours_log.append(link)
        to.store.delete(to.paths.tmp(link.attempt), everything_below=True)

    def _is_whole(self, link: Manifest) -> bool:
        """Whether the replacements of a link's files exist. If not, those files stay, and those of later links."""
        try:
            for hour in {Hour.parse(part.hour) for part in link.parts}:
                check_lengths(self._ledger, hour)
        except DamagedError as error:
            _log.error("what was replaced is kept: %s", error)
            damaged = {part.hour for part in link.parts} - set(self.report.damaged)
            self.report.damaged += sorted(damaged)
            return False
        return True

    def _clear(self, to: Site[Manifest]) -> None:
        """Delete attempts that can't win any more. `Ledger.refresh` has placed the parts of those that won.

        An attempt that may still win stays, however old it is: its archiver may only have slept.
        """
        ends = dict(enumerate(self._ledger.covered)) | {HOURS: self._ledger.hours_log.position}
        for entry in to.store.entries(to.paths.all_tmp):
            attempt = Attempt.of(entry.name)
            lost = attempt is not None and attempt.is_below(ends) and not self._ledger.committed(attempt)
            if lost or (attempt is None and entry.modified_at < self._now - ABANDONED_MS):
                to.store.delete(f"{to.paths.all_tmp}/{entry.name}", everything_below=True)
                self.report.cleared += 1


def compact_due(settings: Settings, now: Millis, dry_run: bool) -> Report:
    """Compact every hour that is complete, quiet and in several files; or only name them."""
    ledger = ledger_of(settings)
    until = complete_until(ledger, settings.kafka, settings.archive, now)
    hours = due(ledger, until, now, settings.batch.compact_after_s)
    if dry_run:
        return Report(hours=[str(hour) for hour in hours], replaced=sum(len(ledger.parts(hour)) for hour in hours))
    return Compaction(ledger, settings.archive, now).run(hours)


def due(ledger: Ledger, complete_until: Hour, now: Millis, quiet_s: float) -> list[Hour]:
    """The hours to compact: complete, in more than one file, and without a new post for a while."""
    return [
        hour
        for hour in ledger.hours()
        if hour < complete_until and len(ledger.parts(hour)) > 1 and now - ledger.last_arrival(hour) >= quiet_s * 1000
    ]


def is_tidy(ledger: Ledger) -> bool:
    """Whether compaction has nothing to do until the next commit: each hour is one file, and no file awaits deletion.

    Later work of another process moves a mark of the archive.
    """
    done = max((link.purged for link in ledger.compactions), default=0)
    kept = any(link.kind == "compact" and link.start >= done for link in ledger.compactions)
    return not kept and all(len(ledger.parts(hour)) < 2 for hour in ledger.hours())


def _place_of(record: Record) -> tuple[int, int]:
    return record["partition"], record["offset"]


def _each_once(records: Iterable[Record]) -> Iterator[Record]:
    """Pass records on, and check that no offset comes twice."""
    last = (-1, -1)
    for record in records:
        if _place_of(record) <= last:
            where = f"partition {record['partition']}, offset {record['offset']}"
            raise DamagedError("archived twice", where=where, next_step="`trends verify --all` tells where")
        last = _place_of(record)
        yield record


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    file.seek(0)
    while piece := file.read(PIECE_BYTES):
        yield piece
