"""Quarantine: partitions with damage in the sink. Each rests for a while; all others go on meanwhile."""

import logging
from collections.abc import Callable

from config.errors import DamagedError

AGAIN_S = 15.0
"""Seconds until the next try of a partition: somebody may have restored its manifest."""

_log = logging.getLogger(__name__)


class Quarantine:
    """Damage by partition. `clock` counts seconds, and never goes back."""

    def __init__(self, topic: str, clock: Callable[[], float]) -> None:
        self._topic = topic
        self._clock = clock
        self._until: dict[int, float] = {}
        self._damage: dict[int, DamagedError] = {}

    def put(self, partition: int, error: DamagedError) -> None:
        """Keep a partition out; log the reason once, until it changes."""
        if str(self._damage.get(partition)) != str(error):
            _log.error("%s/%d is stopped, others go on: %s", self._topic, partition, error)
        self._damage[partition] = error
        self._until[partition] = self._clock() + AGAIN_S

    def release(self, partition: int) -> None:
        """The partition works again."""
        self._until.pop(partition, None)
        if self._damage.pop(partition, None) is not None:
            _log.info("%s/%d is out of quarantine", self._topic, partition)

    def resting(self) -> set[int]:
        """Partitions whose next try is not due yet."""
        now = self._clock()
        return {partition for partition, until in self._until.items() if now < until}

    @property
    def damage(self) -> dict[int, DamagedError]:
        """The damage of each partition, as of its last try."""
        return dict(self._damage)
