"""Faults of clocks: the wall clock of processes jumps while they run. Their monotonic clocks go on.

Servers run under libfaketime. Once the clock is off it breaks the sleep of Python 3.11 and the waits of Kafka's client,
so our own processes get their wall clock where Python reads it: `wall/sitecustomize.py`.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.faults.proof import Proof, proving
from tests.support.wait import until

_SEEN_AFTER_S = 1
"""How long a process may go on with the offset that it has read."""
OFF_S = 10.0
"""How far a clock that is read back may be from where it was set: reading takes a while."""


def library() -> Path:
    """libfaketime for programs with threads. Skips the test where it is not installed."""
    for folder in [*sorted(Path("/usr/lib").glob("*/faketime")), Path("/usr/lib/faketime")]:
        if (folder / "libfaketimeMT.so.1").is_file():
            return folder / "libfaketimeMT.so.1"
    pytest.skip("libfaketime is not installed. Debian, Ubuntu: apt-get install faketime")


class Clock:
    """The wall clock of every process that is started with `environment`; it can be set while they run.

    A process of Python that sleeps is started with `for_python` instead.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file = folder / "offset"
        wall = str(Path(__file__).with_name("wall"))
        self.for_python = {"PYTHONPATH": wall, "WALL_CLOCK_OFFSET": str(self._file)}
        self._set(0)
        self.environment = {
            "LD_PRELOAD": str(library()),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_CACHE_DURATION": str(_SEEN_AFTER_S),
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_FORCE_MONOTONIC_FIX": "0",  # else a JVM waits ten times as long as it means to
            "FAKETIME_DONT_RESET": "1",
        }

    @contextmanager
    def jumped(self, seconds: int, read: Mapping[str, Callable[[], float]]) -> Iterator[Proof]:
        """Inside, these clocks are off by so many seconds. Each is read back, at once and at the end.

        `read` gives, by name of who is asked, the wall clock that it has, in seconds since 1970.
        """
        with proving(f"clock jump {seconds:+d} s", ", ".join(read), "read_back", "still_off", "set_right") as proof:
            self._set(seconds)
            try:
                self._wait_for(seconds, read)
                proof.saw(read_back=_told(read))
                yield proof
                proof.saw(still_off=all(_is(seconds, each) for each in read.values()))
            finally:
                self._set(0)
            self._wait_for(0, read)
            proof.saw(set_right=True)

    def _set(self, seconds: int) -> None:
        """At once and whole: a reader must not see half a number."""
        new = self._file.with_suffix(".new")
        new.write_text(f"{seconds:+d}\n")
        new.replace(self._file)

    def _wait_for(self, seconds: int, read: Mapping[str, Callable[[], float]]) -> None:
        until(lambda: all(_is(seconds, each) for each in read.values()), lambda: _told(read), 30)


def _is(seconds: int, read: Callable[[], float]) -> bool:
    return abs(read() - time.time() - seconds) < OFF_S


def _told(read: Mapping[str, Callable[[], float]]) -> str:
    return ", ".join(f"{name} {each() - time.time():+.0f} s" for name, each in read.items())
