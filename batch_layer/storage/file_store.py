"""Store: what the archive asks of a file system. `batch_layer.storage.webhdfs` is the one that runs."""

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
    """A file system in which a rename onto an existing file is refused, and is otherwise atomic.

    Every call returns in bounded time or raises a `TrendsError`; `UnavailableError` if trying again may help. Safe to
    use from several threads.
    """

    def put(self, path: str, data: bytes | Iterable[bytes]) -> None:
        """Write a file, replacing it. One that was cut off looks closed: ask for its length before relying on it."""

    def get(self, path: str) -> bytes | None:
        """All bytes of a file, or None where there is none."""

    def open(self, path: str) -> AbstractContextManager[BinaryIO]:
        """A file to read from front to back. Raises `NoDataError` where there is none.

        A read that fails raises an `UnavailableError`, so whatever else a decoder of its bytes raises is their damage.
        """

    def bytes_of(self, path: str) -> int | None:
        """Length of a file, or None where there is none."""

    def rename(self, path: str, to: str) -> bool:
        """Move a file. True: done. False says nothing (refused, or the reply was lost): look at what is there."""

    def make_folder(self, path: str) -> None:
        """Make a folder and those above it. It may exist."""

    def entries(self, folder: str, after: str = "") -> list[Entry]:
        """What is in a folder, in order of name, behind the name `after`. Empty where there is no such folder."""

    def delete(self, path: str, *, everything_below: bool = False) -> None:
        """Remove a file or an empty folder, or all of a folder. Nothing happens where there is none, or it is full."""
