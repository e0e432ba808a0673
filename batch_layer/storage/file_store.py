"""Store: the archive's contract with a file system. `batch_layer.storage.webhdfs` implements it."""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import BinaryIO, NamedTuple, Protocol

from ingest.hours import Millis


class Entry(NamedTuple):
    """One file or folder of a folder."""

    name: str
    bytes: int
    modified_at: Millis
    is_folder: bool


class Store(Protocol):
    """A file system that refuses a rename onto an existing file, and otherwise renames atomically.

    Every call returns in bounded time or raises a `TrendsError`; `UnavailableError` if trying again may help. Safe to
    use from several threads.
    """

    def put(self, path: str, data: bytes | Iterable[bytes]) -> None:
        """Write or replace a file. A truncated one looks closed: check its length before relying on it."""

    def get(self, path: str) -> bytes | None:
        """All bytes of a file, or None where there is none."""

    def open(self, path: str) -> AbstractContextManager[BinaryIO]:
        """A file to read from front to back. Raises `NoDataError` where there is none.

        A read that fails raises an `UnavailableError`, so any other error of a decoder means damaged bytes.
        """

    def bytes_of(self, path: str) -> int | None:
        """Length of a file, or None where there is none."""

    def rename(self, path: str, to: str) -> bool:
        """Move a file. True: done. False proves nothing (a refusal, or a lost reply): look at both paths."""

    def make_folder(self, path: str) -> None:
        """Make a folder and its parents. It may exist."""

    def entries(self, folder: str, after: str = "") -> list[Entry]:
        """The entries of a folder, in order of name, behind the name `after`. Empty where there is no such folder."""

    def delete(self, path: str, *, everything_below: bool = False) -> None:
        """Remove a file or an empty folder, or all of a folder. Nothing happens where there is none, or it is full."""
