"""TornDisk: a double of a local disk that crashes at any call, tears writes, and loses what nobody has synced.

A crash of the process leaves what it has written. A crash of the machine leaves of each file any state between what is
synced and what is written, and of each folder's names either those that are synced or those of now.
"""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from config.errors import TrendsError, UnavailableError

Fault = Literal["before", "torn", "after", "fails", "tears", "lost reply"]
"""A crash before the call, in the middle of it, after it; an error before it, in the middle of it, after it."""
CRASHES = {"before", "torn", "after"}


class Crash(BaseException):
    """The process dies here."""


class _File:
    def __init__(self) -> None:
        self.now = b""
        self.synced = b""


class TornDisk:
    """One folder. `armed`: the number of the call that fails, and how. `tear_at`: how much of a torn write happens."""

    def __init__(self, random_bytes: Callable[[int], int] = lambda most: random.randint(0, most)) -> None:
        self.calls = 0
        self.armed: tuple[int, Fault] | None = None
        self.room: int | None = None
        """Bytes until the disk is full; None: no limit."""
        self._pick = random_bytes
        self._names: dict[Path, _File] = {}
        self._synced_names: dict[Path, _File] = {}
        self._open: dict[int, tuple[Path, _File]] = {}
        self._locks: set[int] = set()
        self._number = 2

    # what tests look at

    def bytes_of(self, path: Path) -> bytes | None:
        file = self._names.get(path)
        return None if file is None else file.now

    def put(self, path: Path, content: bytes) -> None:
        """Somebody else writes a file."""
        self._names.setdefault(path, _File()).now = content

    def remove(self, path: Path) -> None:
        self._names.pop(path, None)

    def die(self) -> None:
        """The process is gone, and its locks with it."""
        self._open.clear()
        self._locks.clear()

    def lose_power(self) -> None:
        """The machine is gone: what nobody has synced may be there or not, in part."""
        self.die()
        if self._pick(1):
            self._names = dict(self._synced_names)
        for file in self._names.values():
            if file.now != file.synced:
                file.now = self._between(file)
            file.synced = file.now
        self._synced_names = dict(self._names)

    def _between(self, file: _File) -> bytes:
        """A file of which the disk has some: as it was, or as it is, a part of that, or zeros for the rest.

        What both states have in common is there: nobody has written to it.
        """
        state = (file.synced, file.now)[self._pick(1)]
        shorter = min(len(file.synced), len(file.now))
        common = next((at for at in range(shorter) if file.synced[at] != file.now[at]), shorter)
        some = state[: common + self._pick(len(state) - common)]
        return some if self._pick(1) else some + bytes(len(state) - len(some))

    # the calls of `Disk`

    def read(self, path: Path) -> bytes | None:
        return self.bytes_of(path)

    def exists(self, path: Path) -> bool:
        return path in self._names

    def lock(self, path: Path) -> int:
        if any(path == name and number in self._locks for number, (name, _) in self._open.items()):
            raise TrendsError("another process writes this file", where=str(path))
        self._number += 1
        self._call(lambda: self._names.setdefault(path, _File()))
        self._open[self._number] = (path, self._names[path])
        self._locks.add(self._number)
        return self._number

    def close(self, file: int) -> None:
        self._open.pop(file, None)
        self._locks.discard(file)

    def length(self, file: int) -> int:
        return len(self._open[file][1].now)

    def names(self, path: Path, file: int) -> bool:
        return file in self._open and self._names.get(path) is self._open[file][1]

    def truncate(self, file: int, length: int) -> None:
        def cut() -> None:
            opened = self._open[file][1]
            opened.now = opened.now[:length]

        self._call(cut)

    def append(self, file: int, content: bytes) -> None:
        opened = self._open[file][1]

        def write(content: bytes) -> None:
            opened.now += content

        self._write(write, content)

    def sync(self, file: int) -> None:
        def keep() -> None:
            opened = self._open[file][1]
            opened.synced = opened.now

        self._call(keep)

    def write(self, path: Path, content: bytes) -> None:
        file = self._names[path] = _File()

        def write(content: bytes) -> None:
            file.now = content

        self._write(write, content)
        file.synced = file.now

    def rename(self, source: Path, target: Path) -> None:
        def move() -> None:
            if source not in self._names:
                raise UnavailableError("no such file", where=str(source))
            self._names[target] = self._names.pop(source)

        self._call(move)

    def sync_folder(self, folder: Path) -> None:
        self._call(lambda: setattr(self, "_synced_names", dict(self._names)))

    def delete(self, path: Path) -> None:
        self._call(lambda: self.remove(path))

    def _write(self, write: Callable[[bytes], None], content: bytes) -> None:
        if self.room is not None and len(content) > self.room:
            write(content[: self.room])
            raise UnavailableError("no space left on device")
        fault = self._fault()
        if fault in {"torn", "tears"}:
            write(content[: self._pick(len(content))])
        elif fault not in {"before", "fails"}:
            write(content)
        self._raise(fault)

    def _call(self, effect: Callable[[], object]) -> None:
        fault = self._fault()
        if fault in {None, "after", "lost reply"}:
            effect()
        self._raise(fault)

    def _fault(self) -> Fault | None:
        self.calls += 1
        if self.armed is not None and self.calls > self.armed[0]:
            fault = self.armed[1]
            self.armed = None
            return fault
        return None

    def _raise(self, fault: Fault | None) -> None:
        if fault in CRASHES:
            self.die()
            raise Crash
        if fault is not None:
            raise UnavailableError("the disk does not answer")
