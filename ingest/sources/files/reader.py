"""One open file: its items in order, and the position behind the last one given."""

from collections.abc import Iterator, Sequence
from typing import Generic

import msgspec

from config.errors import BadRecordError
from ingest.sources.base import T
from ingest.sources.files.cursor import FileCursor
from ingest.sources.files.layouts import Choice
from ingest.sources.formats.contract import BrokenPart, Notice
from ingest.sources.formats.lines import MOST_BYTES
from ingest.sources.unpacking.content import Content
from ingest.sources.unpacking.packing import BROKEN
from ingest.wire import Reject

KEPT_OF_A_LONG_LINE = 65_536
"""Bytes kept of a line that is too long to read."""


class FileReader(Generic[T]):
    """Reads a content from a position on. It raises for no content."""

    def __init__(self, content: Content, choice: Choice[T], start: FileCursor) -> None:
        self._content = content
        self._reader = choice.reader
        self._records, self._frame, self._stored_bytes = choice.layout(content, choice.reader, start)
        self.fresh = start.byte == start.item == 0
        """Whether reading starts at its beginning."""
        self._start = start
        self._skip = start.item
        self._record_at, self._record_line, self._item = start.byte, start.line, start.item
        self._broken = start.broken
        self._told_bytes = self._stored_bytes()
        self.record_bytes = 0
        """Bytes of all records given so far."""

    def items(self) -> Iterator[T | Reject | Notice]:
        """The items from the position on."""
        records, frame = self._records, self._frame
        while not self._broken:
            record_at, self._record_line = records.at, records.number
            try:
                record = frame()
            except BROKEN as error:
                self._broken = True
                yield self._reject(b"", f"the file is broken from here on: {error}")
                return
            if not record:
                return
            self._record_at, self._item = record_at, 0
            self.record_bytes += len(record)
            found = self._read(record)
            if len(found) == 1 and not isinstance(only := found[0], BrokenPart):  # nearly every record
                self._skip = 0
                yield only
                continue
            skip, self._skip = self._skip, 0
            last = len(found)
            for at, item in enumerate(found[skip:] if skip else found, skip + 1):
                self._item = at if at < last else 0
                yield self._reject(item.raw, item.reason, f"[{at}]") if type(item) is BrokenPart else item  # type: ignore[misc] # not Broken

    def position(self, posts: int) -> FileCursor:
        """Behind the item given last."""
        inside = self._item > 0
        return msgspec.structs.replace(
            self._start,
            byte=self._record_at if inside else self._records.at,
            line=self._record_line if inside else self._records.number,
            within=self._records.within_before if inside else self._records.within,
            item=self._item,
            posts=posts,
            broken=self._broken,
        )

    def read_bytes(self) -> int:
        """Bytes of the file as stored, since the last call."""
        before, self._told_bytes = self._told_bytes, self._stored_bytes()
        return self._told_bytes - before

    def close(self) -> None:
        """Close the file."""
        self._content.close()

    def _read(self, record: bytes) -> Sequence[T | BrokenPart | Notice | Reject]:
        if self._records.cut:
            return [self._reject(record[:KEPT_OF_A_LONG_LINE], f"a line or record longer than {MOST_BYTES} bytes")]
        try:
            return self._reader.read(record)
        except BadRecordError as error:
            return [self._reject(record, error.reason)]

    def _reject(self, raw: bytes, reason: str, part: str = "") -> Reject:
        line = getattr(self._records, "first_line", self._record_line)
        return Reject(raw, "ingest", reason, f"{self._content.where}:{line + 1}{part}", self._reader.spec)
