"""Slots: the moments at which a poll is due, aligned to the clock, and what became of those that are over."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from ingest.hours import Millis

_JUMP_MS = 2_000
"""Our clock and the steady one may differ by so much between two polls."""


@dataclass
class Slots:
    """The slots of one poll. A slot is the moment at which it begins; no slot comes twice, whatever our clock does."""

    every_s: float
    now: Callable[[], Millis]
    """The wall clock."""
    steady_s: Callable[[], float] = time.monotonic
    """A clock that nobody sets."""
    failure: str = ""
    """Why the last attempt failed, since the last poll that did not."""
    _last: tuple[Millis, float] | None = None
    """When a poll succeeded last in this run, by both clocks."""

    @property
    def every_ms(self) -> int:
        """Length of a slot."""
        return max(1, round(self.every_s * 1000))

    def due(self, after: Millis) -> Millis | None:
        """The slot of now, unless it is `after`, which is used, or before it."""
        slot = self.now() // self.every_ms * self.every_ms
        return slot if slot > after else None

    def wait_s(self) -> float:
        """Seconds until another slot begins by our clock."""
        return (self.every_ms - self.now() % self.every_ms) / 1000

    def missed(self, after: Millis, slot: Millis) -> tuple[Millis, Millis, str] | None:
        """The span between two slots that no poll covers, and why; None where none is missing."""
        since = after + self.every_ms
        return (since, slot, self._why()) if after and since < slot else None

    def success(self) -> None:
        """A poll succeeded now."""
        self._last, self.failure = (self.now(), self.steady_s()), ""

    def _why(self) -> str:
        if self.failure:
            return self.failure
        if self._last is None:
            return "the poll did not run"
        wall_ms, steady_ms = self.now() - self._last[0], (self.steady_s() - self._last[1]) * 1000
        if wall_ms - steady_ms > _JUMP_MS:
            ahead_s = (wall_ms - steady_ms) / 1000
            return f"our clock jumped ahead by {ahead_s:.0f} s, or the machine slept"
        return f"the poll before, or Kafka, took {steady_ms / 1000:.0f} s"
