"""Held: an answer that costs much, or that many ask for at once, asked once and kept for a moment."""

import time
from collections.abc import Callable
from typing import Generic, Never, TypeVar

from config.errors import TrendsError
from serving.dashboard.http.concurrency import Turns

Answer = TypeVar("Answer")
WAITING = 8
"""How many may wait while one asks."""
WAIT_S = 30.0
"""How long they may: a server that stands still is waited for, and then told."""


class Held(Generic[Answer]):
    """What `ask` answered, at most `for_s` seconds old when it is handed out. Who comes meanwhile waits for it.

    That it can't be answered is held too, so that a server which is gone is not waited for by each in turn. Safe to
    share between threads.

    Only so many may wait: a thread that waits is none that answers something else.
    """

    def __init__(self, ask: Callable[[], Answer], for_s: float) -> None:
        self._ask = ask
        self._for_s = for_s
        self._turns = Turns("requests for this", 1, WAITING, WAIT_S)
        self._fresh_until = float("-inf")
        self._kept: Callable[[], Answer] = ask

    def get(self) -> Answer:
        """The answer. Raises the `TrendsError` that `ask` raised, and `UnavailableError` where too many wait."""
        with self._turns.turn():
            if time.monotonic() > self._fresh_until:
                self._kept = self._asked()
                self._fresh_until = time.monotonic() + self._for_s
            kept = self._kept
        return kept()

    def _asked(self) -> Callable[[], Answer]:
        try:
            answer = self._ask()
        except TrendsError as error:
            return _raising(error)
        return lambda: answer


def _raising(error: TrendsError) -> Callable[[], Never]:
    def fail() -> Never:
        raise error

    return fail
