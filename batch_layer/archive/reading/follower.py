"""Follower: how far each log of the archive is, and which hours have new posts, without reading all of history.

MongoDB keeps a mark for each log and the hours that grew since somebody looked. A look reads the manifests behind the
marks alone, so its cost grows with what is new. Manifests stay the truth: marks are derived, and may be deleted.

    archive_marks  {_id: "<archive>|3", archive, log, next, last_start, last_modified_at, last_bytes,
                    posts, files, rejected, lost, first_commit, last_commit, latest_event}
    due_hours      {_id: "<archive>|2017-01-06T07", archive, hour, arrivals: {"3": 1200}}

An hour becomes due before the mark passes the manifest that brought it, so a crash between the two repeats, and loses
nothing. A mark moves by equality of `next`, so its totals count each manifest once, whoever follows. A mark names the
last manifest's file by time and length: where that is another one, the archive is another one, and is read anew.
"""

import logging
from collections.abc import Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import NamedTuple

from pymongo import UpdateOne
from pymongo.errors import DuplicateKeyError

from batch_layer.archive.commit_log import CommitLog
from batch_layer.archive.identity import ArchiveFile, Origin, TopicFile, check_topic, read_archive, read_topic
from batch_layer.archive.manifest import Manifest
from batch_layer.archive.paths import HOURS, Paths, partition_of
from batch_layer.archive.placement import Site, finish_all
from batch_layer.storage.file_store import Entry
from batch_layer.storage.file_store import Store as FileStore
from batch_layer.storage.webhdfs import HdfsStore
from config.errors import DamagedError
from config.settings import Settings
from ingest.hours import Millis
from serving.views.client import mongo_errors
from serving.views.documents import ARCHIVE_MARKS, DUE_HOURS
from serving.views.store import Store

_AT_ONCE = 500
"""Manifests between two moves of a mark."""

_log = logging.getLogger(__name__)


class Mark(NamedTuple):
    """How far one log is known, and what it has up to there."""

    next: int = 0
    """Where the next manifest begins."""
    last_start: int = -1
    """Where the last manifest begins; -1: there is none."""
    last_modified_at: Millis = 0
    """When its file was written."""
    last_bytes: int = 0
    """How long that is; 0 where there is none, as an index file has all that was read."""
    posts: int = 0
    files: int = 0
    """In the log of the hours: less those that it replaces."""
    rejected: int = 0
    lost: int = 0
    """Offsets of gaps."""
    first_commit: Millis = 0
    last_commit: Millis | None = None
    latest_event: Millis | None = None

    def after(self, manifests: Sequence[Manifest], file: Entry | None) -> "Mark":
        """The mark behind further manifests of its log, the last of which is this file."""
        last = manifests[-1]
        chunks = [manifest for manifest in manifests if manifest.partition != HOURS]
        events = [part.max_at for manifest in chunks for part in manifest.parts]
        return Mark(
            next=last.next,
            last_start=last.start,
            last_modified_at=file.modified_at if file else 0,
            last_bytes=file.bytes if file else 0,
            posts=self.posts + sum(manifest.records for manifest in chunks),
            files=self.files + sum(len(manifest.parts) - len(manifest.replaces) for manifest in manifests),
            rejected=self.rejected + sum(manifest.rejected for manifest in manifests),
            lost=self.lost + sum(each.next - each.start for each in manifests if each.kind == "gap"),
            first_commit=self.first_commit or manifests[0].committed_at,
            last_commit=last.committed_at,
            latest_event=max([*events, self.latest_event or 0]) or None,
        )


class Follower:
    """The archive as `Ledger` tells it, as far as that takes no list of its hours. Not for several threads at once."""

    def __init__(self, settings: Settings, views: Store, *, files: FileStore | None = None) -> None:
        self.paths = Paths(settings.hdfs.root, settings.kafka.posts)
        self.files: FileStore = files or HdfsStore(settings.hdfs)
        self.topic: TopicFile | None = None
        """Of which topic its offsets are; None while nobody has written it."""
        self.identity: ArchiveFile | None = None
        """Which archive this is; None while nobody has written it."""
        self._readers = settings.archive.upload_threads
        self._marks = views.collection(ARCHIVE_MARKS)
        self._due = views.collection(DUE_HOURS)
        self.marks: dict[int, Mark] = {}
        """By log."""
        self.damage: dict[int, DamagedError] = {}
        """See `Ledger.damage`. A mark stands before what is damaged, and each look tries it again."""

    @property
    def archive(self) -> str:
        """What marks and hours of this archive are kept under."""
        return f"{self.paths.root}|{self.paths.topic}|{self.origin.archive}"

    def look(self) -> None:
        """Move every mark to the end of its log. Raises `UnavailableError` where HDFS or MongoDB do not answer."""
        self._identify()
        self.damage = {}
        self.marks = self._read_marks()
        numbers = {partition_of(entry.name) for entry in self.files.entries(self.paths.all_commits)}
        logs = [HOURS, *sorted(number for number in numbers if number is not None)]
        with ThreadPoolExecutor(self._readers) as threads:
            there = dict(zip(logs, threads.map(self._list_from_mark, logs), strict=True))
            if not all(self._is_same(log, there[log]) for log in logs):
                self._forget()
            for log in logs:
                if any(entry.name != self._last_name(log) for entry in there[log]):
                    self._follow(log, threads)

    @property
    def origin(self) -> Origin:
        """What goes with positions in this archive."""
        return Origin(self.identity.id if self.identity else "", self.topic.topic_id if self.topic else "")

    @property
    def began(self) -> Millis:
        """When the first manifest was committed."""
        return min((mark.first_commit for mark in self.marks.values()), default=0)

    @property
    def covered(self) -> tuple[int, ...]:
        """For each partition the next offset after what is archived, rejected or lost."""
        partitions = [log for log in self.marks if log != HOURS]
        return tuple(self._mark(partition).next for partition in range(max(partitions, default=-1) + 1))

    def last_commit(self, partition: int) -> Millis | None:
        """See `Ledger.last_commit`."""
        return self._mark(partition).last_commit

    def latest_event(self, partition: int) -> Millis | None:
        """See `Ledger.latest_event`."""
        return self._mark(partition).latest_event

    def total(self, name: str) -> int:
        """`posts`, `files`, `rejected` or `lost` of all logs."""
        return sum(getattr(mark, name) for mark in self.marks.values())

    def _mark(self, log: int) -> Mark:
        """How far a log is known; one that nobody has followed yet, to its beginning."""
        return self.marks.get(log, Mark())

    def _identify(self) -> None:
        self.identity = self.identity or read_archive(self.files, self.paths)
        self.topic = self.topic or read_topic(self.files, self.paths)
        if self.topic is not None:
            check_topic(self.topic, self.paths, "")

    def _list_from_mark(self, log: int) -> list[Entry]:
        """The files of a log from the last known manifest on, that one included."""
        mark = self._mark(log)
        return self.files.entries(self.paths.commits(log), after="" if mark.last_start < 0 else _name(mark.last_start))

    def _is_same(self, log: int, there: Sequence[Entry]) -> bool:
        """Whether the file of the last known manifest is still the one that was read."""
        mark = self._mark(log)
        if not mark.last_bytes:
            return True
        return [(each.name, each.modified_at, each.bytes) for each in there[:1]] == [
            (self._last_name(log), mark.last_modified_at, mark.last_bytes)
        ]

    def _last_name(self, log: int) -> str:
        return f"{_name(self._mark(log).last_start)}.json"

    def _follow(self, log: int, threads: Executor) -> None:
        mark = self._mark(log)
        reader = CommitLog(self.files, self.paths, log, self.origin.archive)
        reader.position = mark.next
        manifests = reader.read_on(threads)
        if reader.damage is not None:
            self.damage[log] = reader.damage
        unplaced = dict(finish_all(Site(self.files, self.paths, threads), manifests))
        for place, manifest in enumerate(manifests):
            if manifest.uuid in unplaced:  # it is not passed until its parts are in their places
                self.damage[log] = unplaced[manifest.uuid]
                del manifests[place:]
                break
        while manifests:
            some = manifests[:_AT_ONCE]
            self._note_hours(some)
            mark = self._advance(log, mark, some)
            manifests = [manifest for manifest in manifests if manifest.start >= mark.next]
        self.marks[log] = mark

    def _note_hours(self, manifests: Sequence[Manifest]) -> None:
        """Make the hours due that these brought posts of."""
        notes = [
            UpdateOne(
                {"_id": f"{self.archive}|{part.hour}"},
                {
                    "$set": {"archive": self.archive, "hour": part.hour},
                    "$max": {f"arrivals.{manifest.partition}": manifest.start},
                },
                upsert=True,
            )
            for manifest in manifests
            if manifest.partition != HOURS
            for part in manifest.parts
        ]
        if notes:
            with mongo_errors():
                self._due.bulk_write(notes, ordered=False)

    def _advance(self, log: int, mark: Mark, manifests: Sequence[Manifest]) -> Mark:
        """Move a mark behind further manifests. Where another follower moved it meanwhile, take it as it is now."""
        last = _name(manifests[-1].start)
        found = self.files.entries(self.paths.commits(log), after=last)[:1]
        moved = mark.after(manifests, next((file for file in found if file.name == f"{last}.json"), None))
        where = {"_id": self._id_of(log), "next": mark.next}
        with mongo_errors():
            if mark == Mark():
                try:
                    self._marks.insert_one({**where, "archive": self.archive, "log": log, **moved._asdict()})
                except DuplicateKeyError:
                    return self._read_marks()[log]
                return moved
            done = self._marks.update_one(where, {"$set": moved._asdict()}).matched_count
        return moved if done else self._read_marks().get(log, Mark())

    def _read_marks(self) -> dict[int, Mark]:
        with mongo_errors():
            found = self._marks.find({"archive": self.archive})
            return {each["log"]: Mark(**{name: each[name] for name in Mark._fields}) for each in found}

    def _forget(self) -> None:
        """Begin anew: what lies there is another archive than the one that was read."""
        _log.warning("%s is not the archive that was followed: it is read from its beginning", self.paths.root)
        with mongo_errors():
            self._marks.delete_many({"archive": self.archive})
            self._due.delete_many({"archive": self.archive})
        self.marks = {}

    def _id_of(self, log: int) -> str:
        return f"{self.archive}|{log}"


def _name(start: int) -> str:
    """Just before the file of the manifest that begins there, by name."""
    return f"{start:020d}"
