"""Verify that the archive has every accepted offset exactly once, and that every file matches its manifest.

It trusts only the manifests: it reads every Avro file, and Kafka as far as that still has the messages. It changes
nothing, except that it places the committed parts of a dead archiver.

It runs beside archivers and compactors. So it looks at a suspicious chunk again with a ledger that it reads afterwards,
and compares with Kafka only the commits from before it began.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from batch_layer.archive.manifest import Manifest
from batch_layer.archive.reading.ledger import Ledger, ledger_of
from batch_layer.archive.reading.positions import positions
from batch_layer.archive.reading.records import records_of
from batch_layer.checks.finding import Finding
from batch_layer.checks.kafka_offsets import kafka_offsets
from batch_layer.checks.strays import strays
from batch_layer.storage.chunk_files.attempts import HOURS
from batch_layer.storage.chunk_files.commit_log import start_of
from config.errors import DamagedError
from config.quantity import quantity
from config.settings import Settings
from ingest.hours import Hour, Millis, wall_clock

Offsets = defaultdict[int, "array[int]"]
"""The offsets in files, by partition."""

_UNHIDE = "Rename the gap, and the partition's folder in _index: the hole that is left is named, and they are read"
_RESTORE_HOUR = "Restore the hour's folder from a backup of HDFS"


def verify_archive(settings: Settings, hours: Sequence[Hour] | None, now: Millis | None = None) -> Iterator[Finding]:
    """Check these hours, or everything. Raises `UnavailableError` where HDFS or Kafka does not answer."""
    ledger = ledger_of(settings)
    ends = positions(settings.kafka, ledger)
    yield from _chains(ledger, ends)
    offsets: Offsets = defaultdict(lambda: array("q"))
    damaged: set[str] = set()
    looked_at = ledger.hours() if hours is None else hours
    for hour in looked_at:
        finding = _hour(ledger, hour, offsets)
        if not finding.ok:
            damaged.add(str(hour))
        yield finding
    if hours is None:
        for partition, end in ends.items():
            manifests = [each for each in ledger.manifests(partition) if each.next <= end]
            archived = array("q", sorted(offsets[partition]))
            yield _counted(settings, manifests, partition, archived, damaged)
    yield from strays(ledger, hours, wall_clock() if now is None else now)


def _chains(ledger: Ledger, ends: Mapping[int, int]) -> Iterator[Finding]:
    """Manifests follow one another from offset 0 to the end, none hides another one; also lists gaps."""
    damage = ledger.damage
    for partition, end in ends.items():
        where, manifests = f"{ledger.paths.topic}/{partition}", ledger.manifests(partition)
        if (error := damage.get(partition)) is not None:
            yield _of_error(error)
        else:
            yield Finding(True, f"{quantity(len(manifests), 'manifest')}, contiguous from 0 to {end}", where)
        yield from _hidden(ledger, partition, manifests)
        for gap in (manifest for manifest in manifests if manifest.kind == "gap"):
            why = gap.why or "deleted by Kafka before they were archived"
            what = f"offsets {gap.start} to {gap.next - 1} were {why}"
            yield Finding(False, what, where, "They are lost here; ingest that time again from its source")
    if (error := damage.get(HOURS)) is not None:
        yield _of_error(error)


def _hidden(ledger: Ledger, partition: int, manifests: Sequence[Manifest]) -> Iterator[Finding]:
    """Manifests that begin inside another one, which nobody reads. Earlier versions put gaps over some."""
    starts = {manifest.start for manifest in manifests}
    folder = ledger.paths.commits(partition)
    names = (entry.name for entry in ledger.store.entries(folder))
    there = [start for start in map(start_of, names) if start is not None]
    for manifest in manifests:
        inside = [start for start in there if manifest.start < start < manifest.next and start not in starts]
        if inside:
            path = ledger.paths.commit(partition, manifest.start)
            what = f"the {manifest.kind} hides {quantity(len(inside), 'manifest')}, the first at offset {inside[0]}"
            step = _UNHIDE if manifest.kind == "gap" else "Report this: it must never happen"
            yield Finding(False, what, path, step)


def _hour(ledger: Ledger, hour: Hour, offsets: Offsets) -> Finding:
    """Read an hour's parts; after a failed check read them again if a compaction has replaced parts meanwhile."""
    while True:
        parts = ledger.parts(hour)
        finding, found = _look(ledger, hour)
        if not finding.ok:
            ledger.refresh()
            if ledger.parts(hour) != parts:
                continue
        for partition, offset in found:
            offsets[partition].append(offset)
        return finding


def _look(ledger: Ledger, hour: Hour) -> tuple[Finding, set[tuple[int, int]]]:
    """Check that an hour has all committed records, no offset twice; return their partitions and offsets."""
    seen: set[tuple[int, int]] = set()
    count = 0
    try:
        for part in ledger.parts(hour):
            for record in records_of(ledger, part):
                count += 1
                seen.add((record["partition"], record["offset"]))
    except DamagedError as error:
        return _of_error(error), seen
    committed = sum(part.records for part in ledger.arrived(hour))
    if count != len(seen):
        return Finding(
            False, f"{quantity(count, 'record')} at {quantity(len(seen), 'offset')}", str(hour), _RESTORE_HOUR
        ), seen
    if count != committed and (known := _known(ledger, seen)) != committed:
        return Finding(
            False, f"{quantity(known, 'record')}, and {committed} were committed", str(hour), _RESTORE_HOUR
        ), seen
    return Finding(True, f"{quantity(count, 'post')}, as committed", str(hour)), seen


def _known(ledger: Ledger, seen: set[tuple[int, int]]) -> int:
    """Number of offsets in the ledger's chunks. A compacted hour may have others, of a hole or of a gap."""
    partitions = {partition for partition, _ in seen}
    chunks = {number: [each for each in ledger.manifests(number) if each.kind == "chunk"] for number in partitions}
    starts = {partition: [each.start for each in of] for partition, of in chunks.items()}
    known = 0
    for partition, offset in seen:
        at = bisect_right(starts[partition], offset) - 1
        known += at >= 0 and offset < chunks[partition][at].next
    return known


def _counted(
    settings: Settings, manifests: list[Manifest], partition: int, archived: "array[int]", damaged: set[str]
) -> Finding:
    """Per chunk: the archived and the rejected offsets are those on Kafka, each once."""
    where = f"{settings.kafka.posts}/{partition}"
    end = manifests[-1].next if manifests else 0
    low, there = kafka_offsets(settings.kafka, partition, end)
    compared = left_out = 0
    for chunk in (manifest for manifest in manifests if manifest.kind == "chunk"):
        if any(part.hour in damaged for part in chunk.parts):
            left_out += 1
            continue
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
    but = f"; without {quantity(left_out, 'chunk')} of damaged hours" if left_out else ""
    return Finding(True, f"{what}; {compared} of them compared with Kafka{but}", where)


def _of_error(error: DamagedError) -> Finding:
    return Finding(False, error.what, error.where, error.next_step)
