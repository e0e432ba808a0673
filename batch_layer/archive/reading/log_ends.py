"""LogEnds: what is asked of an archive without a list of its hours: where each log ends, and which archive it is.

A `Ledger` tells it, or a `Follower`.
"""

from collections.abc import Mapping
from typing import Protocol

from batch_layer.archive.identity import ArchiveFile, Origin, TopicFile
from batch_layer.archive.paths import Paths
from config.errors import DamagedError
from ingest.hours import Millis


class LogEnds(Protocol):
    """The end of each partition's log, as of the last look."""

    @property
    def paths(self) -> Paths:
        """Where the archive lies."""

    @property
    def topic(self) -> TopicFile | None:
        """Of which topic its offsets are; None while nobody has written it."""

    @property
    def identity(self) -> ArchiveFile | None:
        """Which archive this is; None while nobody has written it."""

    @property
    def origin(self) -> Origin:
        """What goes with positions in this archive."""

    @property
    def covered(self) -> tuple[int, ...]:
        """For each partition the next offset after what is archived, rejected or lost."""

    @property
    def began(self) -> Millis:
        """When the first manifest was committed; 0 where there is none."""

    @property
    def damage(self) -> Mapping[int, DamagedError]:
        """Logs that can't be followed to their end, and why."""

    def last_commit(self, partition: int) -> Millis | None:
        """When the last manifest of a partition was committed, or None."""

    def latest_event(self, partition: int) -> Millis | None:
        """The latest event time archived of a partition, or None."""
