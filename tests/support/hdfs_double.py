"""A double of HDFS for the laws of the archive: in memory; it fails when told to, and keeps the contract of `Store`."""

import posixpath
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import BinaryIO, Literal, TypeVar

from batch_layer.storage.file_store import Entry
from config.errors import NoDataError, UnavailableError

Fault = Literal["crash before", "crash after", "lost before", "lost after", "cut", "short", "late"]
"""What befalls a call: its process dies before or after it is done; the call or its reply is lost; a PUT is cut off as
its process dies, or without a word; a rename is done much later, after its caller has given up."""

_T = TypeVar("_T")


class Crash(BaseException):
    """The process that called is dead."""


class HdfsDouble:
    """See `Store`."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.folders: set[str] = {"/"}
        self.armed: tuple[int, Fault] | None = None
        """Which of the next calls fails, and how."""
        self.calls = 0
        self.late: list[tuple[str, str]] = []

    def put(self, path: str, data: bytes | Iterable[bytes]) -> None:
        whole = data if isinstance(data, bytes) else b"".join(data)

        def write(content: bytes = whole) -> None:
            self.make_folders(posixpath.dirname(path))
            self.files[path] = content

        self._call(write, lambda: write(whole[: len(whole) // 2]))

    def get(self, path: str) -> bytes | None:
        return self._call(lambda: self.files.get(path))

    @contextmanager
    def open(self, path: str) -> Iterator[BinaryIO]:
        if path not in self.files:
            raise NoDataError("no such file", where=path)
        yield BytesIO(self.files[path])

    def bytes_of(self, path: str) -> int | None:
        return self._call(lambda: len(self.files[path]) if path in self.files else None)

    def rename(self, path: str, to: str) -> bool:
        if self._due() == "late":
            self.late.append((path, to))
            self.armed = None
            return False
        try:
            return self._call(lambda: self._renamed(path, to))
        except UnavailableError:
            return False

    def make_folder(self, path: str) -> None:
        self._call(lambda: self.make_folders(path))

    def entries(self, folder: str, after: str = "") -> list[Entry]:
        return self._call(lambda: [entry for entry in self._listed(folder) if entry.name > after])

    def delete(self, path: str, *, everything_below: bool = False) -> None:
        self._call(lambda: self._deleted(path, everything_below))

    def deliver_late(self) -> None:
        """Renames of long ago happen."""
        while self.late:
            self._renamed(*self.late.pop(0))

    def copy(self) -> "HdfsDouble":
        """The same content, without faults."""
        other = HdfsDouble()
        other.files, other.folders = dict(self.files), set(self.folders)
        return other

    def make_folders(self, path: str) -> None:
        while path not in self.folders:
            self.folders.add(path)
            path = posixpath.dirname(path)

    def _renamed(self, path: str, to: str) -> bool:
        if path not in self.files or to in self.files or posixpath.dirname(to) not in self.folders:
            return False
        self.files[to] = self.files.pop(path)
        return True

    def _listed(self, folder: str) -> list[Entry]:
        files = [
            Entry(posixpath.basename(path), len(data), 0, False)
            for path, data in self.files.items()
            if posixpath.dirname(path) == folder
        ]
        below = {path for path in self.folders if path != "/" and posixpath.dirname(path) == folder}
        return sorted(files + [Entry(posixpath.basename(path), 0, 0, True) for path in below])

    def _deleted(self, path: str, everything_below: bool) -> None:
        self.files.pop(path, None)
        if path in self.folders and (everything_below or not self._listed(path)):
            self.files = {name: data for name, data in self.files.items() if not name.startswith(f"{path}/")}
            self.folders = {name for name in self.folders if name != path and not name.startswith(f"{path}/")}

    def _due(self) -> Fault | None:
        return self.armed[1] if self.armed is not None and self.armed[0] == 0 else None

    def _call(self, act: Callable[[], _T], cut: Callable[[], None] | None = None) -> _T:
        self.calls += 1
        fault = self._due()
        if fault == "late" or (fault in {"cut", "short"} and cut is None):
            return act()  # these wait for a call that they can befall
        self.armed = None if fault is not None or self.armed is None else (self.armed[0] - 1, self.armed[1])
        if fault in {"cut", "short"} and cut is not None:
            cut()
            if fault == "short":
                return None  # type: ignore[return-value]  # only PUTs are cut, and they return nothing
        if fault in {"crash before", "cut"}:
            raise Crash
        if fault == "lost before":
            raise UnavailableError("no answer")
        result = act()
        if fault == "crash after":
            raise Crash
        if fault == "lost after":
            raise UnavailableError("the answer was lost")
        return result
