"""Read order: a stage reads partitions that are far behind one after the other, so that their chunks become large.

A chunk has a file for each of its labels, and a file costs as much as hundreds of rows. So where a backfill's posts lie
in hundreds of hours, the number of files limits its speed, and few large chunks make it fast. Side by side, partitions
would share the memory, and each chunk would have only a part of it.
"""

from collections.abc import Mapping
from typing import NamedTuple


class Backlog(NamedTuple):
    """How much of one partition is in memory, and how much waits."""

    records: int
    """In its chunk."""
    lag: int
    """Offsets that the intake has behind them, as far as it knows; 0 at the end of the partition."""


def next_turn(reading: int | None, backlogs: Mapping[int, Backlog], far: int) -> int | None:
    """The one partition to read, or None for all of them.

    A turn lasts until the partition's end. The next one goes to the fullest chunk among those that are `far` behind.
    """
    if reading is not None and reading in backlogs and backlogs[reading].lag > 0:
        return reading
    behind = [partition for partition, each in backlogs.items() if each.lag > far]
    return max(behind, key=lambda partition: (backlogs[partition].records, -partition), default=None)
