"""Follower: the end of each log of the archive, and the hours with new posts, without reading all of history.

MongoDB keeps a mark for each log and the hours that grew since somebody looked. A look reads only the manifests behind
the marks, so its cost grows with their number. Manifests stay the truth: anybody may delete the marks.

    archive_marks  {_id: "<archive>|3", archive, log, next, last_start, last_modified_at, last_bytes,
                    posts, files, rejected, lost, first_commit, last_commit, latest_event}
    due_hours      {_id: "<archive>|2017-01-06T07", archive, hour, arrivals: {"3": 1200}}

An hour becomes due before the mark passes the manifest that brought it, so a crash between the two repeats work, and
loses nothing. A mark moves by equality of `next`, so its totals count each manifest once, however many followers run. A
mark records time and length of the last manifest's file: if they differ, so does the archive, and a look starts over.
"""

import logging
from collections.abc import Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import NamedTuple

from pymongo import UpdateOne
from pymongo.errors import DuplicateKeyError

from batch_layer.archive.manifest import Manifest
from batch_layer.archive.paths import Paths
from batch_layer.storage.chunk_files.attempts import HOURS, partition_of
from batch_layer.storage.chunk_files.commit_log import CommitLog
from batch_layer.storage.chunk_files.identity import (
    ArchiveFile,
    Origin,
    TopicFile,
    check_topic,
    read_archive,
    read_topic,
)
from batch_layer.storage.chunk_files.placement import Site, finish_all
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
    """Position of the follower in one log, and totals up to there."""

    next: int = 0
    """Start of the next manifest."""
    last_start: int = -1
    """Start of the last manifest; -1: there is none."""
    last_modified_at: Millis = 0
    """Modification time of its file."""
    last_bytes: int = 0
    """Length of that file; 0 if there is none, because the manifest came from an index file."""
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
        """The mark behind further manifests of its log. `file` holds the last of them."""
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
    """The facts of a `Ledger` that need no list of the hours. Not for several threads at once."""

    def __init__(self, settings: Settings, views: Store, *, files: FileStore | None = None) -> None:
        self.paths = Paths(settings.hdfs.root, settings.kafka.posts)
        self.files: FileStore = files or HdfsStore(settings.hdfs)
        self.topic: TopicFile | None = None
        """Topic of its offsets; None while nobody has written it."""
        self.identity: ArchiveFile | None = None
        """Identity of this archive; None while nobody has written it."""
        self._readers = settings.archive.upload_threads
        self._marks = views.collection(ARCHIVE_MARKS)
        self._due = views.collection(DUE_HOURS)
        self.marks: dict[int, Mark] = {}
        """By log."""
        self.damage: dict[int, DamagedError] = {}
        """See `Ledger.damage`. A mark stops before the damage, and each look tries again."""

    @property
    def archive(self) -> str:
        """Key of this archive's marks and hours."""
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
        """Archive and topic of the positions."""
        return Origin(self.identity.id if self.identity else "", self.topic.topic_id if self.topic else "")

    @property
    def began(self) -> Millis:
        """Commit time of the first manifest."""
        return min((mark.first_commit for mark in self.marks.values()), default=0)

    @property
    def covered(self) -> tuple[int, ...]:
        """Each partition's next offset after the last archived, rejected or lost one."""
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
        """The mark of a log; an empty one if nobody has followed the log yet."""
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
        """Whether the file of the last known manifest has not changed."""
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
            if manifest.uuid in unplaced:  # the mark passes it when its parts are in their places
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
        """Make the hours of these manifests' posts due."""
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
        """Move a mark behind further manifests. If another follower has moved it meanwhile, return that mark."""
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
        """Start over: the folder holds another archive now."""
        _log.warning("%s is not the archive that was followed: it is read from its beginning", self.paths.root)
        with mongo_errors():
            self._marks.delete_many({"archive": self.archive})
            self._due.delete_many({"archive": self.archive})
        self.marks = {}

    def _id_of(self, log: int) -> str:
        return f"{self.archive}|{log}"


def _name(start: int) -> str:
    """A name that sorts just before the file of the manifest at `start`."""
    return f"{start:020d}"
