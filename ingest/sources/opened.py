"""One open file of posts: its items in order, and the position behind the last one given."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from config.errors import BadRecordError
from ingest.post import Post
from ingest.sources.formats import Broken, Item, Notice, Reader
from ingest.sources.lines import BROKEN, MOST_BYTES, Lines
from ingest.sources.positions import Position
from ingest.wire import Reject

KEPT_OF_A_LONG_LINE = 65_536
"""Bytes kept of a line that is too long to read."""


class Opened:
    """Reads a file from a position on. Whatever the file holds, it raises nothing for it."""

    def __init__(self, path: Path, reader: Reader, start: Position) -> None:
        self._path = path
        self._reader = reader
        self._lines = Lines(path, start.byte, start.line)
        self._start = start
        self._skip = start.item
        self._record_at, self._record_line, self._item = start.byte, start.line, start.item
        self._broken = start.broken
        self._told_bytes = self._lines.stored_bytes()
        self.record_bytes = 0
        """Bytes of all records given so far."""
        if start.byte == 0:
            for _ in range(reader.header_lines):
                self._lines.next()

    def items(self) -> Iterator[Post | Reject | Notice]:
        """What the file holds from the position on."""
        while not self._broken:
            record_at, self._record_line = self._lines.at, self._lines.number
            try:
                record = self._reader.frame(self._lines)
            except BROKEN as error:
                self._broken = True
                yield self._reject(b"", f"the file is broken from here on: {error}")
                return
            if not record:
                return
            self._record_at, self._item = record_at, 0
            self.record_bytes += len(record)
            found = self._read(record)
            if len(found) == 1 and not isinstance(only := found[0], Broken):  # nearly every record
                self._skip = 0
                yield only
                continue
            skip, self._skip = self._skip, 0
            last = len(found)
            for at, item in enumerate(found[skip:] if skip else found, skip + 1):
                self._item = at if at < last else 0
                yield self._reject(item.raw, item.reason, f"[{at}]") if type(item) is Broken else item  # type: ignore[misc] # not Broken

    def position(self, posts: int) -> Position:
        """Behind the item given last."""
        inside = self._item > 0
        return msgspec.structs.replace(
            self._start,
            byte=self._record_at if inside else self._lines.at,
            line=self._record_line if inside else self._lines.number,
            item=self._item,
            posts=posts,
            broken=self._broken,
        )

    def read_bytes(self) -> int:
        """Bytes of the file as stored that were read since this was asked last."""
        before, self._told_bytes = self._told_bytes, self._lines.stored_bytes()
        return self._told_bytes - before

    def close(self) -> None:
        """Close the file."""
        self._lines.close()

    def _read(self, record: bytes) -> Sequence[Item | Reject]:
        if self._lines.cut:
            return [self._reject(record[:KEPT_OF_A_LONG_LINE], f"a line longer than {MOST_BYTES} bytes")]
        try:
            return self._reader.read(record)
        except BadRecordError as error:
            return [self._reject(record, error.reason)]

    def _reject(self, raw: bytes, reason: str, part: str = "") -> Reject:
        return Reject(raw, "ingest", reason, f"{self._path}:{self._record_line + 1}{part}", self._reader.spec)
