"""LogEnds: facts of an archive that need no list of its hours: the end of each log, and the archive's identity.

`Ledger` and `Follower` implement it.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from batch_layer.archive.paths import Paths
from batch_layer.storage.chunk_files.identity import ArchiveFile, Origin, TopicFile
from config.errors import DamagedError
from ingest.hours import Millis


class LogEnds(Protocol):
    """The end of each partition's log, as of the last look."""

    @property
    def paths(self) -> Paths:
        """Paths of the archive."""

    @property
    def topic(self) -> TopicFile | None:
        """Topic of its offsets; None while nobody has written it."""

    @property
    def identity(self) -> ArchiveFile | None:
        """Identity of this archive; None while nobody has written it."""

    @property
    def origin(self) -> Origin:
        """Archive and topic of the positions."""

    @property
    def covered(self) -> tuple[int, ...]:
        """Each partition's next offset after the last archived, rejected or lost one."""

    @property
    def began(self) -> Millis:
        """Commit time of the first manifest; 0 where there is none."""

    @property
    def damage(self) -> Mapping[int, DamagedError]:
        """Errors of the logs that nobody can read to their end, by partition."""

    def last_commit(self, partition: int) -> Millis | None:
        """Commit time of a partition's last manifest, or None."""

    def latest_event(self, partition: int) -> Millis | None:
        """The latest event time archived of a partition, or None."""


def position_in(covered: Sequence[int], partition: int) -> int:
    """How far `covered` reaches in a partition: 0 in one that was added since somebody wrote it down."""
    return covered[partition] if partition < len(covered) else 0
