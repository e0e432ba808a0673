"""Drain: `--until-drained` ends when the group has archived everything that was there when it was asked.

Whoever did it: this archiver, or another member of its group, which keeps the partitions that it owns. Kafka says once,
at the start, what was there. Manifests say how far a partition is archived; the group's committed offsets never do.
"""

import logging
from collections.abc import Mapping, Set
from time import monotonic

from batch_layer.archive.commit_log import CommitLog
from batch_layer.archive.placement import Site
from config.errors import DamagedError
from config.settings import KafkaSettings
from ingest.hours import Millis
from ingest.kafka.offsets import ends
from ingest.kafka.reading import drained_until

LOOK_S = 1.0
"""How often the partitions of others are looked at."""

_log = logging.getLogger(__name__)


class Drain:
    """What is left of what was there at `asked_at`, partition by partition."""

    def __init__(self, kafka: KafkaSettings, site: Site, partitions: int, asked_at: Millis) -> None:
        """Asks Kafka for the ends. Raises `UnavailableError`."""
        self._kafka = kafka
        self._site = site
        self._asked_at = asked_at
        self._targets = ends(kafka, kafka.posts, range(partitions))
        self._logs: dict[int, CommitLog] = {}
        self._look_at = 0.0
        self._waiting: set[int] = set()
        self.left = set(self._targets)
        """Partitions in which something may still be missing."""
        self.damage: dict[int, DamagedError] = {}
        """Partitions that nobody can archive, and why."""
        self.by_others = 0
        """Posts of these partitions that others have committed since `asked_at`, by the wall clocks of both."""

    def reached(self, partition: int, position: int, at_end: bool) -> bool:
        """Whether nothing of what was there lies behind a position. `at_end`: nothing at all does."""
        return at_end or position >= self._targets.get(partition, 0)

    def done(self, archived: Set[int], owned: Set[int], damage: Mapping[int, DamagedError]) -> bool:
        """Whether nothing is left but what is damaged.

        `archived`: partitions of ours that have reached their ends. `damage`: those of ours that can't be archived.
        """
        self.left -= archived
        self.damage = {partition: error for partition, error in damage.items() if partition in self.left & owned}
        if others := self.left - owned:
            self._look(others)
        return self.left <= self.damage.keys()

    def _look(self, others: set[int]) -> None:
        """Look at the manifests of partitions that are not ours, at most once in a while."""
        if monotonic() < self._look_at:
            return
        positions = {partition: self._position(partition) for partition in sorted(others)}
        short = {partition: at for partition, at in positions.items() if at < self._targets[partition]}
        targets = {partition: self._targets[partition] for partition in short}
        done = others - short.keys() | drained_until(self._kafka, self._kafka.posts, short, targets)
        self.left -= done
        self.damage |= {p: error for p in others - done if (error := self._logs[p].damage) is not None}
        self._tell(others - done)
        self._look_at = monotonic() + LOOK_S

    def _position(self, partition: int) -> int:
        site = self._site
        log = self._logs.setdefault(partition, CommitLog(site.store, site.paths, partition, site.origin.archive))
        read = log.read_on(self._site.threads)
        self.by_others += sum(manifest.records for manifest in read if manifest.committed_at >= self._asked_at)
        return log.position

    def _tell(self, waiting: set[int]) -> None:
        if waiting != self._waiting and waiting:
            _log.info("waiting for partitions %s, which belong to others of the group", sorted(waiting))
        self._waiting = waiting
