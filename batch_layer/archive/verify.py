"""Verify that every accepted offset is archived exactly once, and that every file is what its manifest says.

It trusts nothing that the archiver wrote beyond the manifests: it reads every Avro file, and Kafka where that still has
the messages. It changes nothing, except that parts committed by a dead archiver are brought to their places.
"""

import time
from array import array
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from batch_layer.archive.accepted import accepted
from batch_layer.archive.ledger import Ledger
from batch_layer.archive.manifest import Manifest, Part
from batch_layer.archive.paths import Try, hour_folder
from batch_layer.archive.positions import positions
from batch_layer.archive.posts import records_of
from batch_layer.archive.store import Entry
from batch_layer.archive.upkeep import ledger_of
from config.errors import TrendsError
from config.settings import Settings
from ingest.hours import Hour, Millis, millis

STRAY_MS = 86_400_000
"""What lies in `_tmp` for longer belongs to nobody who is alive."""


Offsets = defaultdict[int, "array[int]"]
"""The offsets that were found in files, by partition."""


class Finding(NamedTuple):
    """One thing that was looked at."""

    ok: bool
    what: str
    where: str
    next_step: str = ""


def verify_archive(settings: Settings, hours: Sequence[Hour] | None) -> Iterator[Finding]:
    """Look at these hours, or at everything. Raises `UnavailableError` where HDFS or Kafka can't be reached."""
    ledger = ledger_of(settings)
    partitions = positions(settings.kafka, ledger)
    yield from _chains(ledger, partitions)
    offsets: Offsets = defaultdict(lambda: array("q"))
    for hour in ledger.hours() if hours is None else hours:
        yield _hour(ledger, hour, offsets)
        yield from _strays(ledger, hour)
    if hours is None:
        for partition in partitions:
            archived = array("q", sorted(offsets[partition]))
            yield _counted(settings, ledger.manifests(partition), partition, archived)
        yield from _stray_hours(ledger)
        yield from _stray_tries(ledger, time.time_ns() // 1_000_000)


def _chains(ledger: Ledger, partitions: Mapping[int, int]) -> Iterator[Finding]:
    """Manifests follow one another from offset 0; gaps are told; no manifest lies behind a hole."""
    for partition, end in partitions.items():
        where, manifests = f"{ledger.paths.topic}/{partition}", ledger.manifests(partition)
        behind = ledger.store.entries(ledger.paths.commits(partition), after=f"{end:020d}")
        if behind:
            step = f"Restore the manifest that begins at offset {end}"
            yield Finding(False, f"{len(behind)} manifests behind a hole at offset {end}", where, step)
        else:
            yield Finding(True, f"{len(manifests)} manifests, contiguous from 0 to {end}", where)
        for gap in (manifest for manifest in manifests if manifest.kind == "gap"):
            what = f"offsets {gap.start} to {gap.next - 1} were deleted by Kafka before they were archived"
            yield Finding(False, what, where, "They are lost here; ingest that time again from its source")


def _hour(ledger: Ledger, hour: Hour, offsets: Offsets) -> Finding:
    """Read an hour's parts: as many records as were committed, each in the hour, no offset twice."""
    seen: set[tuple[int, int]] = set()
    count = 0
    try:
        for part in ledger.parts(hour):
            for record in records_of(ledger, part):
                count += 1
                _belongs(millis(record["created_at"]), part, hour)
                seen.add((record["partition"], record["offset"]))
                offsets[record["partition"]].append(record["offset"])
    except TrendsError as error:
        if error.retriable:
            raise
        return Finding(False, error.what, error.where, error.next_step)
    committed = sum(part.records for part in ledger.arrived(hour))
    if not count == len(seen) == committed:
        what = f"{count} records at {len(seen)} offsets, and {committed} were committed"
        return Finding(False, what, str(hour), "Restore the hour's folder from a backup of HDFS")
    return Finding(True, f"{count} posts, as committed", str(hour))


def _belongs(moment: Millis, part: Part, hour: Hour) -> None:
    if not (hour.start_ms <= moment < hour.end_ms and part.min_at <= moment <= part.max_at):
        what = f"a post of {moment} ms lies in {hour}"
        raise TrendsError(what, where=part.path, next_step="Restore it from a backup of HDFS")


def _counted(settings: Settings, manifests: list[Manifest], partition: int, archived: "array[int]") -> Finding:
    """Per chunk: what is archived and what was rejected is what Kafka has, each offset once."""
    where = f"{settings.kafka.posts}/{partition}"
    end = manifests[-1].next if manifests else 0
    low, there = accepted(settings.kafka, partition, end)
    compared = 0
    for chunk in (manifest for manifest in manifests if manifest.kind == "chunk"):
        ours = archived[bisect_left(archived, chunk.start) : bisect_left(archived, chunk.next)]
        what = f"offsets {chunk.start} to {chunk.next - 1}: {len(ours)} archived, {chunk.rejected} rejected"
        if len(set(ours)) != chunk.records or len(ours) != chunk.records:
            return Finding(False, f"{what}, and {chunk.records} committed", where, "Restore the parts from a backup")
        if chunk.start >= low:
            theirs = there[bisect_left(there, chunk.start) : bisect_left(there, chunk.next)]
            if len(theirs) != len(ours) + chunk.rejected or not set(ours) <= set(theirs):
                step = "Report this: it must never happen"
                return Finding(False, f"{what}, and Kafka accepted {len(theirs)}", where, step)
            compared += len(theirs)
    rejected = sum(manifest.rejected for manifest in manifests)
    what = f"{len(archived)} archived and {rejected} rejected below {end}, each once"
    return Finding(True, f"{what}; {compared} of them compared with Kafka", where)


def _strays(ledger: Ledger, hour: Hour) -> Iterator[Finding]:
    known = {part.path for part in ledger.arrived(hour)}
    known |= {part.path for link in ledger.compactions for part in link.parts}
    folder = ledger.paths.absolute(hour_folder(hour))
    for entry in ledger.store.entries(folder):
        if f"{hour_folder(hour)}/{entry.name}" not in known:
            step = "No reader takes it; delete it if nobody knows it"
            yield Finding(False, "a file that no manifest names", f"{folder}/{entry.name}", step)


def _stray_hours(ledger: Ledger) -> Iterator[Finding]:
    known = {ledger.paths.absolute(hour_folder(hour)) for hour in ledger.hours()}
    root = ledger.paths.absolute("").rstrip("/")
    for day in _named(ledger.store.entries(root), "dt="):
        for hour in _named(ledger.store.entries(f"{root}/{day.name}"), "hour="):
            folder = f"{root}/{day.name}/{hour.name}"
            if folder not in known and ledger.store.entries(folder):
                yield Finding(False, "a folder of an hour that no manifest names", folder, "No reader takes it")


def _stray_tries(ledger: Ledger, now: Millis) -> Iterator[Finding]:
    for entry in ledger.store.entries(ledger.paths.all_tmp):
        tried = Try.of(entry.name)
        if entry.modified_at < now - STRAY_MS and not (tried and ledger.committed(tried)):
            path = f"{ledger.paths.all_tmp}/{entry.name}"
            step = "`trends archive` and `trends compact` delete it once they have committed in its place"
            yield Finding(False, "left by somebody who died before a commit", path, step)


def _named(entries: Iterable[Entry], prefix: str) -> Iterator[Entry]:
    return (entry for entry in entries if entry.is_folder and entry.name.startswith(prefix))
