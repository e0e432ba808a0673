"""Tree: CPU and memory of processes and of all that they start, JVMs and their Python workers included."""

import threading
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType
from typing import Self

import psutil

EVERY_S = 0.3


class Tree:
    """Looks at processes and their descendants, from entering to leaving. Misses any that end between two looks."""

    def __init__(self, roots: Sequence[int]) -> None:
        """`roots`: process ids. Their use before entering does not count."""
        self._roots = [psutil.Process(pid) for pid in roots]
        self._first: dict[int, float] = {}
        self._last: dict[int, float] = {}
        self._peak = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._look()
        self._first = dict(self._last)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        self._look()

    @property
    def cpu_s(self) -> float:
        """User and system time since entering, that of ended and reaped children included."""
        return sum(last - self._first.get(pid, 0.0) for pid, last in self._last.items())

    @property
    def peak_mb(self) -> float:
        """The most that all of them had in memory at one look."""
        return self._peak / 1e6

    def _watch(self) -> None:
        while not self._stop.wait(EVERY_S):
            self._look()

    def _look(self) -> None:
        held = 0
        for process in self._alive():
            with suppress(psutil.NoSuchProcess), process.oneshot():
                self._last[process.pid] = sum(process.cpu_times()[:4])
                held += process.memory_info().rss
        self._peak = max(self._peak, held)

    def _alive(self) -> list[psutil.Process]:
        found = {root.pid: root for root in self._roots}
        for root in self._roots:
            with suppress(psutil.NoSuchProcess):
                found |= {child.pid: child for child in root.children(recursive=True)}
        return list(found.values())
