"""Read order: partitions that are far behind are read one after the other, so that their chunks become large.

A chunk has a file for each of its labels, and a file costs as much as hundreds of rows. So where a backfill's posts lie
in hundreds of hours, its pace is that of files, and few large chunks make it quick. Read side by side, partitions would
share the memory there is, and each chunk would have a part of it only.
"""

from collections.abc import Mapping
from typing import NamedTuple


class Backlog(NamedTuple):
    """How much of one partition is in memory, and how much waits."""

    records: int
    """In its chunk."""
    lag: int
    """Offsets that the intake is known to have behind them; 0 where its end was seen."""


def next_turn(reading: int | None, backlogs: Mapping[int, Backlog], far: int) -> int | None:
    """The one partition to read, or None for all of them.

    A turn lasts until the partition's end. Then it is that of the fullest chunk among those that are `far` behind.
    """
    if reading is not None and reading in backlogs and backlogs[reading].lag > 0:
        return reading
    behind = [partition for partition, each in backlogs.items() if each.lag > far]
    return max(behind, key=lambda partition: (backlogs[partition].records, -partition), default=None)
