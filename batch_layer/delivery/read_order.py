"""Turns: partitions that are far behind are read one after the other, so that their chunks become as large as they may.

A chunk has a file for each of its hours, and a file costs as much as hundreds of posts. So where a backfill's posts lie
in hundreds of hours, its pace is that of files, and few large chunks are what makes it quick. Read side by side,
partitions would share the memory there is, and each chunk would have a part of it only.
"""

from collections.abc import Mapping
from typing import NamedTuple


class Held(NamedTuple):
    """One partition, as the archiver knows it."""

    records: int
    """In its chunk."""
    lag: int
    """Offsets that Kafka is known to have behind them; 0 where its end was seen."""


def next_turn(reading: int | None, held: Mapping[int, Held], far: int) -> int | None:
    """The one partition to read, or None for all of them.

    A turn lasts until the partition's end. Then it is that of the fullest chunk among those that are `far` behind.
    """
    if reading is not None and reading in held and held[reading].lag > 0:
        return reading
    behind = [partition for partition, each in held.items() if each.lag > far]
    return max(behind, key=lambda partition: (held[partition].records, -partition), default=None)
