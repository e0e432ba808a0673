"""Concurrency limit: how many requests of a kind run at once. One too many gets 503 and a time to come again."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from config.errors import UnavailableError


class ConcurrencyLimit:
    """At most `limit` threads run, while at most `max_waiting` others wait up to `wait_s` seconds."""

    def __init__(self, what: str, limit: int, max_waiting: int, wait_s: float) -> None:
        self._what = what
        self._limit = limit
        self._max_waiting = max_waiting
        self._wait_s = wait_s
        self._free = threading.BoundedSemaphore(limit)
        self._lock = threading.Lock()
        self._waiting = 0

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Wait for a free slot and occupy it. Raises `UnavailableError` if that takes too long."""
        if not self._free.acquire(blocking=False):
            self._wait()
        try:
            yield
        finally:
            self._free.release()

    def _wait(self) -> None:
        with self._lock:
            if self._waiting >= self._max_waiting:
                raise self._busy()
            self._waiting += 1
        try:
            if not self._free.acquire(timeout=self._wait_s):
                raise self._busy()
        finally:
            with self._lock:
                self._waiting -= 1

    def _busy(self) -> UnavailableError:
        return UnavailableError(
            f"too many {self._what}: the limit is {self._limit} at once", next_step="Try again in a few seconds"
        )
