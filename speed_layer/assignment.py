"""Assignment: the partitions of `hashtags` that one spout task counts, by what Kafka has now.

An operator may add partitions at any time. Task `i` of `n` counts the partitions `p` with `p % n == i`, so an added one
belongs to one task, and no other partition moves.
"""

from config.settings import KafkaSettings
from ingest.kafka import client
from ingest.kafka.offsets import partitions_of

LOOK_S = 2.0
"""Longest wait for an answer, seconds: the spout stands still meanwhile."""


class Assignment:
    """The share of one task. It keeps its connection, since the spout asks again and again."""

    def __init__(self, settings: KafkaSettings, index: int = 0, tasks: int = 1) -> None:
        self._settings = settings
        self._index, self._tasks = index, tasks
        self._admin = client.admin(settings)

    def partitions(self) -> list[int]:
        """The partitions of this task now. Raises as `partitions_of` does."""
        known = partitions_of(self._settings, self._settings.hashtags, self._admin, LOOK_S)
        return share(known, self._index, self._tasks)


def share(partitions: list[int], index: int, tasks: int) -> list[int]:
    """The partitions of one task."""
    return [partition for partition in partitions if partition % tasks == index]
