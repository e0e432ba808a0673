"""GrowingCsv: a CSV and its position, which change together.

A commit appends to the CSV, syncs it, writes the new position aside, syncs that, renames it over the old position and
syncs the folder. The rename commits: it brings the new position and the new length at once. What lies in the CSV behind
the committed length is the rest of a commit that did not happen, and the next one cuts it off.

One process at a time writes: it has the lock of the CSV. Each commit begins with the position on the disk, never with
one in memory.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from batch_layer.sinks.csv_file.local_disk import Disk
from batch_layer.sinks.csv_file.position_file import PositionFile, decode, encode, position_path
from config.errors import DamagedError
from config.quantity import quantity

_RESTORE = "Restore the CSV and its position file together, or move both away and let the feed write them again"


class GrowingCsv:
    """A CSV, for as long as this process has its lock."""

    def __init__(self, disk: Disk, path: Path, topic: str, columns: Sequence[str]) -> None:
        """`path` is absolute."""
        self._disk = disk
        self._path = path
        self._position = position_path(path)
        self._new = PositionFile(topic=topic, columns=tuple(columns))
        self._file: int | None = None

    def open(self) -> None:
        """Take the lock, and cut off what a torn commit has left. Open a file again that somebody has replaced.

        Raises `TrendsError` where another process has the lock, or the CSV holds other records or columns, and
        `DamagedError` where the CSV and its position do not belong together.
        """
        if self._file is not None:
            if self._disk.names(self._path, self._file):
                return
            self.close()
        position = self._read()
        if position is not None and position.length and not self._disk.exists(self._path):
            raise self._damage("the CSV is gone, and its position file is there")
        self._file = self._disk.lock(self._path)
        try:
            position = self._read()  # a process that had the lock may have moved it
            length = self._disk.length(self._file)
            if position is None and length:
                raise self._damage(f"the CSV has {quantity(length, 'byte')} and no {self._position.name} beside it")
            if position is not None:
                position.check(self._path, self._new.topic, self._new.columns)
                self._cut(position)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Give the lock back."""
        if self._file is not None:
            self._disk.close(self._file)
            self._file = None

    @property
    def topic_id(self) -> str:
        """Kafka's id of the topic that the offsets belong to; empty where there are none."""
        position = self._read()
        return "" if position is None or position.empty else position.topic_id

    def begin(self, topic_id: str) -> None:
        """Write the position of an empty CSV, before its first byte."""
        position = self._read()
        if position is None or position.empty:
            self._replace(msgspec.structs.replace(self._new, topic_id=topic_id))

    def position(self) -> PositionFile:
        """The position on the disk. Raises `DamagedError` where it is gone."""
        position = self._read()
        if position is None:
            raise self._damage(f"{self._position.name} is gone")
        return position

    def append(self, position: PositionFile, content: bytes) -> int:
        """Append to what counts, and sync it; the length then. Nothing of it counts before `commit`."""
        file = self._cut(position)
        if content:
            self._disk.append(file, content)
            self._disk.sync(file)
        return position.length + len(content)

    def commit(self, position: PositionFile, after_step: Callable[[str], None]) -> None:
        """Replace the position."""
        self._replace(position, after_step)

    def settle(self) -> None:
        """Sync the name of a position whose rename has happened."""
        self._disk.sync_folder(self._path.parent)

    def clear(self) -> None:
        """Take the lock, and delete both files, damaged ones too; a crash in between leaves an empty CSV.

        Raises `DamagedError` for a CSV without a position: that may be somebody else's.
        """
        if self._read() is None:
            self.open()
        elif self._file is None:
            self._file = self._disk.lock(self._path)
        self._replace(self._new)
        self._disk.delete(self._path)
        self._disk.delete(self._position)
        self.close()

    def _read(self) -> PositionFile | None:
        content = self._disk.read(self._position)
        return None if content is None else decode(content, self._position)

    def _cut(self, position: PositionFile) -> int:
        file = self._file
        if file is None or not self._disk.names(self._path, file):
            raise self._damage("somebody has moved or replaced the CSV")
        length = self._disk.length(file)
        if length < position.length:
            raise self._damage(f"the CSV has {quantity(length, 'byte')}, and {position.length:,} are committed")
        if length > position.length:
            self._disk.truncate(file, position.length)
        return file

    def _replace(self, position: PositionFile, after_step: Callable[[str], None] = lambda _: None) -> None:
        aside = self._position.with_name(self._position.name + ".new")
        self._disk.write(aside, encode(position))
        after_step("position")
        self._disk.rename(aside, self._position)
        after_step("commit")
        self._disk.sync_folder(self._path.parent)

    def _damage(self, what: str) -> DamagedError:
        return DamagedError(what, where=str(self._path), next_step=_RESTORE)
