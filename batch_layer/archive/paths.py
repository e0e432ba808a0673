"""Paths of everything in the archive. Integers and allow-listed names make up every path, and nothing else.

WebHDFS clients interpret `..` and `#LATEST` in a path, so no text of anybody ever gets into one.

    dt=2017-01-06/hour=07/posts+3+<start>+<next>+1of2.avro      a part
    dt=2017-01-06/hour=07/posts+compact+<serial>.avro           an hour in one file
    _tmp/3+<start>+<uuid>/…, _tmp/hours+<serial>+<uuid>/…       an attempt to commit at a start, before its commit
    _commit/3/<start>.json, _commit/hours/<serial>.json         manifests: the log of a partition, the log of the hours
    _index/3/<start>+<next>.json                                many manifests in one file: derived, only for speed
    _identity/archive.json, _identity/topic.json                which archive this is, and of which topic
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from config.errors import UsageError
from ingest.hours import Hour

HOURS = -1
"""The log of the hours, where compactions commit; every other log has the number of its Kafka partition."""

_TOPIC = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,248}", re.ASCII)
_ROOT = re.compile(r"(/[A-Za-z0-9_=-][A-Za-z0-9._=-]*)+", re.ASCII)
_PART = re.compile(
    r"dt=\d{4}-\d\d-\d\d/hour=\d\d/[A-Za-z0-9_-][A-Za-z0-9._-]*\+(\d+\+\d{20}\+\d{20}\+\d+of\d+|compact\+\d{20})\.avro",
    re.ASCII,
)
_NUMBER = re.compile(r"0|[1-9]\d{0,4}", re.ASCII)
_ATTEMPT = re.compile(r"(\d{1,9}|hours)\+(\d{20})\+([0-9a-f]{32})", re.ASCII)


class Span(NamedTuple):
    """Offsets `[start, next)` of a Kafka partition."""

    partition: int
    start: int
    next: int


class Attempt(NamedTuple):
    """One attempt to commit at an offset of a log. Of all attempts with the same start one wins."""

    log: int
    start: int
    uuid: UUID

    @property
    def name(self) -> str:
        """Its folder in `_tmp`."""
        return f"{_log_name(self.log)}+{self.start:020d}+{self.uuid.hex}"

    def is_below(self, ends: Mapping[int, int]) -> bool:
        """Whether it began below the end of its log: a manifest stands there, so it has won or never will."""
        return self.start < ends.get(self.log, 0)

    @classmethod
    def of(cls, name: str) -> "Attempt | None":
        """The attempt whose folder has this name; None where it is none of ours."""
        found = _ATTEMPT.fullmatch(name)
        if found is None:
            return None
        return cls(HOURS if found[1] == "hours" else int(found[1]), int(found[2]), UUID(found[3]))


@dataclass(frozen=True)
class Paths:
    """The paths of one archive: a folder on HDFS, and the topic of its posts."""

    root: str
    topic: str

    def __post_init__(self) -> None:
        if not _ROOT.fullmatch(self.root):
            raise UsageError(
                f"not a folder of HDFS: {self.root[:80]!r}",
                where="hdfs.root",
                next_step="Give an absolute path of letters, digits and . _ = -",
            )
        if not _TOPIC.fullmatch(self.topic):
            raise UsageError(f"not a topic: {self.topic[:80]!r}", where="kafka.posts")

    def absolute(self, below: str) -> str:
        """A path of a manifest, from the root of HDFS."""
        return f"{self.root}/{below}"

    def part(self, hour: Hour, span: "Span", number: int, of: int) -> str:
        """Part `number` (from 1) of a chunk, below the root."""
        offsets = f"{span.start:020d}+{span.next:020d}"
        return f"{hour_folder(hour)}/{self.topic}+{span.partition:d}+{offsets}+{number:d}of{of:d}.avro"

    def compacted(self, hour: Hour, serial: int) -> str:
        """An hour in one file, below the root."""
        return f"{hour_folder(hour)}/{self.topic}+compact+{serial:020d}.avro"

    @property
    def all_tmp(self) -> str:
        """Folder of all attempts."""
        return f"{self.root}/_tmp"

    def tmp(self, of: Attempt) -> str:
        """Folder of an attempt."""
        return f"{self.all_tmp}/{of.name}"

    def tmp_part(self, of: Attempt, number: int) -> str:
        """Part `number` (from 1) before it is in its place."""
        return f"{self.tmp(of)}/{number:d}.avro"

    def tmp_manifest(self, of: Attempt) -> str:
        """A manifest before its commit."""
        return f"{self.tmp(of)}/manifest.json"

    @property
    def identity(self) -> str:
        """Folder of the archive's identity."""
        return f"{self.root}/_identity"

    @property
    def archive_identity(self) -> str:
        """The archive's id."""
        return f"{self.identity}/archive.json"

    @property
    def topic_identity(self) -> str:
        """The topic that the archive's offsets belong to."""
        return f"{self.identity}/topic.json"

    @property
    def all_commits(self) -> str:
        """Folder of all logs."""
        return f"{self.root}/_commit"

    def commits(self, log: int) -> str:
        """Folder of a log's manifests."""
        return f"{self.all_commits}/{_log_name(log)}"

    def commit(self, log: int, start: int) -> str:
        """The manifest that begins at `start`. The first rename to this path is the commit."""
        return f"{self.commits(log)}/{start:020d}.json"

    def indexes(self, log: int) -> str:
        """Folder of a log's index files."""
        return f"{self.root}/_index/{_log_name(log)}"

    def index(self, log: int, start: int, end: int) -> str:
        """The index file of the manifests from `start` up to `end`."""
        return f"{self.indexes(log)}/{start:020d}+{end:020d}.json"


def hour_folder(hour: Hour) -> str:
    """An hour's folder, below the root."""
    day, hour_of_day = str(hour).split("T")
    return f"dt={day}/hour={hour_of_day}"


def hour_of(path: str) -> Hour:
    """The hour of a part below the root."""
    return Hour.parse(f"{path[3:13]}T{path[19:21]}")


def span_of(path: str) -> Span | None:
    """The offsets of a chunk's part, or None for a compacted hour."""
    fields = path.rpartition("/")[2].removesuffix(".avro").split("+")
    return None if fields[1] == "compact" else Span(int(fields[1]), int(fields[2]), int(fields[3]))


def partition_of(folder: str) -> int | None:
    """The Kafka partition of a log's folder in `_commit`; None for any other name."""
    return int(folder) if _NUMBER.fullmatch(folder) else None


def compaction_of(path: str) -> int:
    """The serial of the compaction that wrote a compacted hour."""
    return int(path.rpartition("+")[2].removesuffix(".avro"))


def is_part(path: str) -> bool:
    """Whether it is a part's path below the root: a manifest may not lead a reader anywhere else."""
    return _PART.fullmatch(path) is not None


def parent(path: str) -> str:
    """The folder of a path."""
    return path.rpartition("/")[0]


def _log_name(log: int) -> str:
    return "hours" if log == HOURS else f"{log:d}"
