"""Baselines: the sums of the days before, kept for a moment where the same question comes again and again.

A dashboard asks for the hour in progress each second, and the three days before it hardly change.
"""

import threading
import time
from collections.abc import Callable, Hashable

from serving.answers.rising import Baseline

_MOST = 8
"""Baselines that are kept: some 10 MB each where hours are full."""


class Baselines:
    """Keeps each baseline for `max_age_s` seconds; by default none. Threads may share it."""

    def __init__(self, max_age_s: float = 0) -> None:
        self._max_age_s = max_age_s
        self._lock = threading.Lock()
        self._kept: dict[Hashable, tuple[float, Baseline]] = {}

    def get(self, key: Hashable, compute: Callable[[], Baseline]) -> Baseline:
        """The baseline of a key. Two threads that ask for a new one at once both compute it."""
        now = time.monotonic()
        with self._lock:
            until, kept = self._kept.get(key, (now, None))
        if kept is not None and now < until:
            return kept
        made = compute()
        if self._max_age_s:
            with self._lock:
                self._kept = {each: pair for each, pair in self._kept.items() if now < pair[0]}
                while len(self._kept) >= _MOST:
                    del self._kept[next(iter(self._kept))]
                self._kept[key] = now + self._max_age_s, made
        return made
