"""Cache: an expensive answer, computed once for many requests and valid for a moment."""

import threading
import time
from collections.abc import Callable
from typing import Generic, Never, TypeVar

from config.errors import TrendsError
from serving.dashboard.http.concurrency import ConcurrencyLimit

Answer = TypeVar("Answer")
WAITING = 8
"""Requests that may wait while one computes."""
WAIT_S = 30.0
"""Seconds that they may wait: longer means that a server hangs."""


class TimedCache(Generic[Answer]):
    """The result of `compute`, at most `max_age_s` seconds old. Requests that come during a computation wait for it.

    It keeps an error as well, so that not every request in turn waits for a server that is down. Threads may share it.
    The number of waiting requests has a limit, since a waiting thread answers nothing else.
    """

    def __init__(self, compute: Callable[[], Answer], max_age_s: float) -> None:
        self._compute = compute
        self._max_age_s = max_age_s
        self._limit = ConcurrencyLimit("requests for this", 1, WAITING, WAIT_S)
        self._fresh_until = float("-inf")
        self._result: Callable[[], Answer] = compute

    def get(self) -> Answer:
        """The answer. Raises the `TrendsError` that `compute` raised, and `UnavailableError` if too many wait."""
        with self._limit.slot():
            if time.monotonic() > self._fresh_until:
                self._result = self._recompute()
                self._fresh_until = time.monotonic() + self._max_age_s
            result = self._result
        return result()

    def _recompute(self) -> Callable[[], Answer]:
        try:
            answer = self._compute()
        except TrendsError as error:
            return _raiser(error)
        return lambda: answer


def _raiser(error: TrendsError) -> Callable[[], Never]:
    def fail() -> Never:
        raise error

    return fail


class BackgroundValue(Generic[Answer]):
    """A value that a thread of its own computes: `get` never waits. None before the first, and after an error."""

    def __init__(self, compute: Callable[[], Answer], max_age_s: float) -> None:
        self._compute = compute
        self._max_age_s = max_age_s
        self._lock = threading.Lock()
        self._fresh_until = float("-inf")
        self._value: Answer | None = None

    def get(self) -> Answer | None:
        """The last value. Begins to compute the next one, if this is too old."""
        if time.monotonic() > self._fresh_until and self._lock.acquire(blocking=False):
            threading.Thread(target=self._refresh, name="background", daemon=True).start()
        return self._value

    def _refresh(self) -> None:
        try:
            self._value = self._compute()
        except TrendsError:
            self._value = None
        finally:
            self._fresh_until = time.monotonic() + self._max_age_s
            self._lock.release()
