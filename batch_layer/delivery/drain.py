"""Drain: `--until-drained` ends when the group has delivered everything that was there when it started.

This process delivers its own partitions, and other members of the group deliver theirs. The intake returns the ends
once, at the start. The sink says how far a partition is; the group's committed offsets never do.
"""

import logging
from collections.abc import Mapping, Set
from time import monotonic
from typing import Any

from batch_layer.delivery.intake import Intake
from batch_layer.delivery.sink import Progress, Sink
from config.errors import DamagedError
from ingest.hours import Millis

LOOK_S = 1.0
"""Seconds between two looks at the partitions of other members."""

_log = logging.getLogger(__name__)


class Drain:
    """The undelivered messages from before `since`, partition by partition."""

    def __init__(self, intake: Intake, sink: Sink[Any, Any], partitions: int, since: Millis) -> None:
        """Reads the ends. Raises `UnavailableError`."""
        self._intake = intake
        self._sink = sink
        self._since = since
        self._targets = intake.ends(range(partitions))
        self._look_at = 0.0
        self._waiting: set[int] = set()
        self.left = set(self._targets)
        """Partitions in which something may still be missing."""
        self.damage: dict[int, DamagedError] = {}
        """Partitions that nobody can deliver, and why."""

    def reached(self, partition: int, position: int, at_end: bool) -> bool:
        """Whether a position has reached the end at the start. `at_end`: no message at all lies behind it."""
        return at_end or position >= self._targets.get(partition, 0)

    def done(self, delivered: Set[int], owned: Set[int], damage: Mapping[int, DamagedError]) -> bool:
        """Whether only damaged partitions remain.

        `delivered`: partitions of ours that have reached their ends. `damage`: those of ours that nobody can deliver.
        """
        self.left -= delivered
        self.damage = {partition: error for partition, error in damage.items() if partition in self.left & owned}
        if others := self.left - owned:
            self._look(others)
        return self.left <= self.damage.keys()

    def _look(self, others: set[int]) -> None:
        """Check the progress of other members' partitions, at most once in `LOOK_S`."""
        if monotonic() < self._look_at:
            return
        found: dict[int, Progress] = {each: self._sink.progress(each, self._since) for each in sorted(others)}
        short = {number: each.position for number, each in found.items() if each.position < self._targets[number]}
        targets = {partition: self._targets[partition] for partition in short}
        done = others - short.keys() | self._intake.drained(short, targets)
        self.left -= done
        self.damage |= {each: error for each in others - done if (error := found[each].damage) is not None}
        self._log_waiting(others - done)
        self._look_at = monotonic() + LOOK_S

    def _log_waiting(self, waiting: set[int]) -> None:
        if waiting != self._waiting and waiting:
            _log.info("waiting for partitions %s, which belong to others of the group", sorted(waiting))
        self._waiting = waiting
