"""Start line: where a stage begins to read a partition, and the reason for each span of offsets that it skips."""

from collections.abc import Mapping
from enum import Enum
from typing import NamedTuple

DELETED = "Kafka deleted them before the stage had read them"
SKIPPED = "they came before a start from now"


class Start(Enum):
    """Where a run begins."""

    POSITION = "position"
    """Where the sink ends."""
    FIRST_NOW = "first now"
    """Behind everything that is there, if the sink has nothing of the partition; otherwise where the sink ends."""
    NOW = "now"
    """Behind everything that is there."""


class Skip(NamedTuple):
    """The end of a span to skip from a position on, and the reason."""

    end: int
    why: str


class StartLine:
    """The ends of all partitions when a run started. A partition that comes back later has passed its end."""

    def __init__(self, start: Start, ends: Mapping[int, int]) -> None:
        """`ends` by partition; empty for a start from the position."""
        self._start = start
        self._ends = ends

    def skip(self, partition: int, position: int, low: int) -> Skip | None:
        """What a stage skips from a position on, where the intake begins at `low`. None: nothing."""
        end = self._ends.get(partition, 0)
        if end > position and (self._start is Start.NOW or (self._start is Start.FIRST_NOW and position == 0)):
            return Skip(max(end, low), SKIPPED)
        return Skip(low, DELETED) if low > position else None
