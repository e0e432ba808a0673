"""Ledger: the archive's content, from its manifests alone. Every reader of the archive takes its files from here.

The folders of `_commit` say which partitions the archive has. Each refresh lists them, since an operator may add
partitions at any time. No setting takes part.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import msgspec

from batch_layer.archive.hour_layout import hour_of
from batch_layer.archive.manifest import Manifest, Part
from batch_layer.archive.paths import Paths
from batch_layer.archive.reading.log_ends import position_in
from batch_layer.storage.chunk_files.attempts import HOURS, Attempt, partition_of
from batch_layer.storage.chunk_files.commit_log import CommitLog
from batch_layer.storage.chunk_files.identity import (
    ArchiveFile,
    Origin,
    TopicFile,
    check_topic,
    ensure_archive,
    read_archive,
    read_topic,
)
from batch_layer.storage.chunk_files.placement import Site, finish_all
from batch_layer.storage.file_store import Store
from batch_layer.storage.webhdfs import HdfsStore
from config.errors import DamagedError
from config.settings import ArchiveSettings, HdfsSettings, Settings
from ingest.hours import Hour, Millis


class Ledger:
    """A growing picture of the archive: the commits up to the last `refresh`, and never half of one.

    The ledger reads a damaged log up to its damage, and every other one to its end: see `damage`.

    Not for several threads at once.
    """

    def __init__(
        self,
        hdfs: HdfsSettings,
        archive: ArchiveSettings,
        topic: str,
        *,
        store: Store | None = None,
    ) -> None:
        self._readers = archive.upload_threads
        self.paths = Paths(hdfs.root, topic)
        self.store: Store = store or HdfsStore(hdfs)
        self.partitions: list[list[Manifest]] = []
        """Each partition's manifests, in order."""
        self.compactions: list[Manifest] = []
        """The log of the hours."""
        self._logs: list[CommitLog[Manifest]] = []
        self.hours_log = CommitLog(self.store, self.paths, HOURS)
        self.identity: ArchiveFile | None = None
        """Identity of this archive; None while nobody has written it."""
        self.topic: TopicFile | None = None
        """Topic of its offsets; None while nobody has written it."""
        self._replaced: set[str] = set()
        self._live: dict[Hour, dict[str, Part]] = {}
        self._arrived: dict[Hour, list[Part]] = {}
        self._arrivals: dict[Hour, dict[int, int]] = {}
        self._last_arrival: dict[Hour, Millis] = {}
        self._latest_event: dict[int, Millis] = {}
        self._uuids: set[str] = set()
        self._unplaced: list[Manifest] = []
        self._misplaced: dict[str, DamagedError] = {}

    def refresh(self) -> None:
        """Read the manifests that are newer than the last refresh.

        The ledger may see a compaction before a chunk that it replaces: replaced parts stay replaced. A refresh places
        the parts that a dead archiver has committed and not placed, so every path is one of a file.
        """
        self._identify()
        self._grow()
        with ThreadPoolExecutor(self._readers) as threads:
            for log in self._logs:
                for manifest in log.read_on(threads):
                    self._add(manifest)
            for manifest in self.hours_log.read_on(threads):
                self._unplaced.append(manifest)
                self.add_compaction(manifest)
            self._misplaced = dict(finish_all(Site(self.store, self.paths, threads), self._unplaced))
        self._unplaced = [manifest for manifest in self._unplaced if manifest.uuid in self._misplaced]

    @property
    def origin(self) -> Origin:
        """Archive and topic of the positions."""
        return Origin(self.identity.id if self.identity else "", self.topic.topic_id if self.topic else "")

    def adopt(self, now: Millis) -> None:
        """Write the archive's id if it has manifests and no id: they come from an earlier version."""
        if self.identity is None and any(self.covered):
            self.identity = ensure_archive(self.store, self.paths, now)
            self._identify()

    def _identify(self) -> None:
        """Read the archive's identity until there is one. Raises `OtherTopicError` where it is of another topic."""
        self.identity = self.identity or read_archive(self.store, self.paths)
        self.topic = self.topic or read_topic(self.store, self.paths)
        if self.topic is not None:
            check_topic(self.topic, self.paths, "")
        for log in (*self._logs, self.hours_log):
            log.archive = self.origin.archive

    def index(self) -> None:
        """Write index files, which speed up the next reader."""
        for log in (*self._logs, self.hours_log):
            log.index()

    @property
    def covered(self) -> tuple[int, ...]:
        """Each partition's next offset after the last archived, rejected or lost one.

        Kafka may have further partitions, of which the archive has nothing: see `positions`.
        """
        return tuple(log.position for log in self._logs)

    @property
    def damage(self) -> dict[int, DamagedError]:
        """Errors of the logs that nobody can read to their end, or whose parts nobody can place.

        Keys are partitions; `HOURS` is the log of the hours. Posts of such a partition beyond `covered` are unknown.
        """
        logs = {log.number: log.damage for log in (*self._logs, self.hours_log) if log.damage is not None}
        return {manifest.partition: self._misplaced[manifest.uuid] for manifest in self._unplaced} | logs

    def hours(self) -> list[Hour]:
        """The hours that have parts, ascending."""
        return sorted(hour for hour, parts in self._live.items() if parts)

    def parts(self, hour: Hour) -> list[Part]:
        """The parts of an hour, with absolute paths: a compacted file instead of those that it replaced."""
        return [self._absolute(part) for part in self._live.get(hour, {}).values()]

    def posts(self, hour: Hour) -> int:
        """Records in an hour's parts. A post sent twice is two records."""
        return sum(part.records for part in self._live.get(hour, {}).values())

    def late_since(self, hour: Hour, covered: Sequence[int]) -> bool:
        """Whether the archive has a post of the hour that a reader of that `covered` has not seen."""
        return is_late(self._arrivals.get(hour, {}), covered)

    def arrived(self, hour: Hour) -> list[Part]:
        """Every part of the hour that the archiver has committed, even a replaced one; paths are below the root."""
        return self._arrived.get(hour, [])

    def last_arrival(self, hour: Hour) -> Millis:
        """Time of the last commit with posts of the hour, by the archiver's wall clock."""
        return self._last_arrival.get(hour, 0)

    def manifests(self, partition: int) -> list[Manifest]:
        """A partition's manifests, in order; none where the archive has nothing of it."""
        return self.partitions[partition] if partition < len(self.partitions) else []

    def latest_event(self, partition: int) -> Millis | None:
        """The latest event time archived of a partition, or None."""
        return self._latest_event.get(partition)

    @property
    def began(self) -> Millis:
        """Commit time of the first manifest; 0 where there is none."""
        return min((log[0].committed_at for log in self.partitions if log), default=0)

    def last_commit(self, partition: int) -> Millis | None:
        """Commit time of a partition's last manifest, by the archiver's wall clock, or None."""
        known = self.manifests(partition)
        return known[-1].committed_at if known else None

    def committed(self, attempt: Attempt) -> bool:
        """Whether a manifest is of this attempt."""
        return attempt.uuid.hex in self._uuids

    def add_compaction(self, manifest: Manifest) -> None:
        """Add a link of the log of the hours."""
        self.compactions.append(manifest)
        self._uuids.add(manifest.uuid)
        self._replaced.update(manifest.replaces)
        for path in manifest.replaces:
            self._live.get(hour_of(path), {}).pop(path, None)
        for part in manifest.parts:
            self._live.setdefault(Hour.parse(part.hour), {})[part.path] = part

    def _grow(self) -> None:
        """Add every partition that has a log."""
        numbers = (partition_of(entry.name) for entry in self.store.entries(self.paths.all_commits))
        there = max((number + 1 for number in numbers if number is not None), default=0)
        for number in range(len(self._logs), there):
            self.partitions.append([])
            self._logs.append(CommitLog(self.store, self.paths, number, self.origin.archive))

    def _add(self, manifest: Manifest) -> None:
        partition = manifest.partition
        self.partitions[partition].append(manifest)
        self._unplaced.append(manifest)
        self._uuids.add(manifest.uuid)
        for part in manifest.parts:
            hour = Hour.parse(part.hour)
            self._arrived.setdefault(hour, []).append(part)
            live = self._live.setdefault(hour, {})
            if part.path not in self._replaced:
                live[part.path] = part
            self._arrivals.setdefault(hour, {})[partition] = manifest.start
            self._last_arrival[hour] = max(self._last_arrival.get(hour, 0), manifest.committed_at)
            self._latest_event[partition] = max(self._latest_event.get(partition, 0), part.max_at)

    def _absolute(self, part: Part) -> Part:
        return msgspec.structs.replace(part, path=self.paths.absolute(part.path))


def ledger_of(settings: Settings) -> Ledger:
    """The ledger of the archive of `posts`, up to the latest commit. It reads HDFS alone."""
    ledger = Ledger(settings.hdfs, settings.archive, settings.kafka.posts)
    ledger.refresh()
    return ledger


def is_late(arrivals: Mapping[int, int], covered: Sequence[int]) -> bool:
    """Whether a chunk lies behind `covered`. `arrivals`: start of the last one of each partition."""
    return any(start >= position_in(covered, partition) for partition, start in arrivals.items())
