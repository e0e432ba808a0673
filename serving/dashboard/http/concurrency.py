"""Turns: how many requests of a kind are answered at once. One too many is refused with 503, and told when to come."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from config.errors import UnavailableError


class Turns:
    """At most `at_once` at a time, while at most `waiting` others wait `wait_s` for their turn. For threads."""

    def __init__(self, what: str, at_once: int, waiting: int, wait_s: float) -> None:
        self._what = what
        self._at_once = at_once
        self._most_waiting = waiting
        self._wait_s = wait_s
        self._free = threading.BoundedSemaphore(at_once)
        self._lock = threading.Lock()
        self._waiting = 0

    @contextmanager
    def turn(self) -> Iterator[None]:
        """A turn, as soon as there is one. Raises `UnavailableError` where that takes too long."""
        if not self._free.acquire(blocking=False):
            self._wait()
        try:
            yield
        finally:
            self._free.release()

    def _wait(self) -> None:
        with self._lock:
            if self._waiting >= self._most_waiting:
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
            f"the dashboard already answers {self._at_once} {self._what}", next_step="Ask again in some seconds"
        )
