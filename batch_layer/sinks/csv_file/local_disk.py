"""LocalDisk: the calls by which the CSV sink writes, each of them one step of its protocol.

`tests/support/torn_disk.py` is a double that tears writes and loses what nobody has synced.
"""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from config.errors import TrendsError, UnavailableError

_MODE = 0o644


class Disk(Protocol):
    """A file system. Paths are absolute; a file is the number that `lock` returns. Methods raise `UnavailableError`."""

    def read(self, path: Path) -> bytes | None:
        """The bytes of a file; None where there is none."""

    def exists(self, path: Path) -> bool:
        """Whether there is a file."""

    def lock(self, path: Path) -> int:
        """Open a file, make it where there is none, and lock it. Raises `TrendsError` if a process has the lock."""

    def close(self, file: int) -> None:
        """Close it, and give the lock back."""

    def length(self, file: int) -> int:
        """Its bytes."""

    def names(self, path: Path, file: int) -> bool:
        """Whether the path still leads to this file."""

    def truncate(self, file: int, length: int) -> None:
        """Cut off everything behind a length."""

    def append(self, file: int, content: bytes) -> None:
        """Write at the end. A failure may leave any part of it."""

    def sync(self, file: int) -> None:
        """Return once the file is on the disk."""

    def write(self, path: Path, content: bytes) -> None:
        """Write a whole file, and return once it is on the disk."""

    def rename(self, source: Path, target: Path) -> None:
        """Put a file in the place of another, in one step."""

    def sync_folder(self, folder: Path) -> None:
        """Return once the names in a folder are on the disk."""

    def delete(self, path: Path) -> None:
        """Delete a file, if there is one."""


class LocalDisk:
    """See `Disk`."""

    def read(self, path: Path) -> bytes | None:
        """See `Disk`."""
        with _failures(path):
            try:
                return path.read_bytes()
            except FileNotFoundError:
                return None

    def exists(self, path: Path) -> bool:
        """See `Disk`."""
        with _failures(path):
            return path.exists()

    def lock(self, path: Path) -> int:
        """See `Disk`."""
        with _failures(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, _MODE)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(file)
                raise TrendsError(
                    "another process writes this file", where=str(path), next_step="Stop it, or name another file"
                ) from None
            except OSError:
                os.close(file)
                raise
            return file

    def close(self, file: int) -> None:
        """See `Disk`."""
        os.close(file)

    def length(self, file: int) -> int:
        """See `Disk`."""
        return os.fstat(file).st_size

    def names(self, path: Path, file: int) -> bool:
        """See `Disk`."""
        with _failures(path):
            try:
                return os.path.samestat(path.stat(), os.fstat(file))
            except FileNotFoundError:
                return False

    def truncate(self, file: int, length: int) -> None:
        """See `Disk`."""
        with _failures(file):
            os.ftruncate(file, length)

    def append(self, file: int, content: bytes) -> None:
        """See `Disk`."""
        with _failures(file):
            left = memoryview(content)
            while left:
                left = left[os.write(file, left) :]

    def sync(self, file: int) -> None:
        """See `Disk`."""
        with _failures(file):
            os.fsync(file)

    def write(self, path: Path, content: bytes) -> None:
        """See `Disk`."""
        with _failures(path), path.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())

    def rename(self, source: Path, target: Path) -> None:
        """See `Disk`."""
        with _failures(target):
            source.replace(target)

    def sync_folder(self, folder: Path) -> None:
        """See `Disk`."""
        with _failures(folder):
            number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                os.fsync(number)
            finally:
                os.close(number)

    def delete(self, path: Path) -> None:
        """See `Disk`."""
        with _failures(path):
            path.unlink(missing_ok=True)


@contextmanager
def _failures(where: Path | int) -> Iterator[None]:
    """A block whose `OSError` is an `UnavailableError`: a full disk gets room, and a mount comes back."""
    try:
        yield
    except OSError as error:
        place = str(where) if isinstance(where, Path) else str(Path(f"/proc/self/fd/{where}").readlink())
        why = error.strerror or str(error)
        full = error.errno in {errno.ENOSPC, errno.EDQUOT}
        step = "Free space on that disk: the stage resumes by itself" if full else "See `df` and `ls -l`"
        raise UnavailableError(f"can't use the file: {why}", where=place, next_step=step) from None
