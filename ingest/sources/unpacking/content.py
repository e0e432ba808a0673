"""The content of one file, opened once: unpacked, as UTF-8, with its first bytes known before the first read.

All reads of a file go through here, so the reader treats a pipe, which comes only once, like a file. A position is a
byte of the content, not of the file as stored; a content without seek reads up to there.
"""

import io
import os
from pathlib import Path
from typing import Self

from config.errors import UsageError
from ingest.sources.unpacking.packing import (
    BROKEN,
    MAGIC_BYTES,
    PARQUET,
    BareReturns,
    Layer,
    Recoding,
    decompressor,
    encoding_of,
    ends_lines_by_cr,
)

HEAD_BYTES = 1 << 18
"""Size of the head of a content."""
BUFFER_BYTES = 1 << 18
UTF8_MARK = b"\xef\xbb\xbf"


class Content:
    """The content of one file. `file` yields its bytes from the beginning, or from where `go_to` went."""

    def __init__(self, raw: io.BufferedReader, where: str, *, once: bool = False) -> None:
        self.where = where
        self.once = once
        """Whether it comes only once, as a pipe does."""
        self._raw = raw
        self._closed_at = 0
        self.packed = False
        """True for a compressed file."""
        self.head = b""
        """The first bytes, unpacked, as UTF-8: `HEAD_BYTES`, or all where it is shorter or broken."""
        self.broken: Exception | None = None
        """The error that cut the head short."""
        self._layered = False
        self.file = self._open_layers(raw)

    @classmethod
    def of(cls, path: Path) -> Self:
        """Open a file. Raises `UsageError`."""
        try:
            return cls(path.open("rb"), str(path))
        except OSError as error:
            raise UsageError(f"can't be opened: {error.strerror}", where=str(path)) from None

    @property
    def name(self) -> str:
        """Its last name alone."""
        return Path(self.where).name

    @property
    def blank(self) -> bool:
        """Whether there is nothing in it but blanks, as far as the head goes."""
        return not self.head.removeprefix(UTF8_MARK).strip()

    @property
    def longer(self) -> bool:
        """Whether it goes on, or may do so, behind its head."""
        return len(self.head) >= HEAD_BYTES

    def has_line_of(self, size: int) -> bool:
        """Whether its first line has so many bytes. Ask before the first read. True for a pipe, which comes once."""
        if self.once:
            return True
        try:
            return b"\n" not in self.file.read(size)
        except BROKEN:
            return False
        finally:
            self._raw.seek(0)
            self.file = self._open_layers(self._raw)

    @property
    def parquet(self) -> bool:
        """Whether it is a Parquet file."""
        return self.head.startswith(PARQUET)

    @property
    def size(self) -> int:
        """Bytes as stored; 0 if unknown."""
        return 0 if self.once else os.fstat(self._raw.fileno()).st_size

    def go_to(self, at: int) -> None:
        """Go to a byte. Only forward, and only before the first read. Raises one of `BROKEN`."""
        if not self._layered:
            self.file.seek(at)
            return
        while at and (part := self.file.read(min(at, BUFFER_BYTES))):
            at -= len(part)

    def stored_bytes(self) -> int:
        """Position in the file as stored; 0 for a pipe."""
        if self._raw.closed:
            return self._closed_at
        try:
            return self._raw.tell()
        except OSError:
            return 0

    def close(self) -> None:
        """Close the file."""
        self._closed_at = self.stored_bytes()
        self.file.close()
        self._raw.close()

    def _open_layers(self, raw: io.BufferedReader) -> io.BufferedReader:
        magic, _ = _first(raw, MAGIC_BYTES)
        seekable = not self.once and raw.seekable()
        file = _from_the_beginning(raw, magic, seekable=seekable)
        layer = decompressor(file, magic)
        self.packed = layer is not None
        if layer is not None:
            file, seekable = _buffer(layer), False
        self.head, self.broken = _first(file, HEAD_BYTES)
        if seekable:
            file.seek(0)
        else:
            file = _buffer(_Again(self.head, file, self.broken))
        encoding = encoding_of(self.head)
        if encoding is not None:
            return self._recode(file, encoding)
        if ends_lines_by_cr(self.head) and not self.parquet:
            self.head = self.head.replace(b"\r", b"\n")
            file, seekable = _buffer(BareReturns(file)), False
        self._layered = not seekable
        return file

    def _recode(self, file: io.BufferedReader, encoding: str) -> io.BufferedReader:
        recoded = _buffer(Recoding(file, encoding))
        self.head, self.broken = _first(recoded, HEAD_BYTES)
        again = _buffer(_Again(self.head, recoded, self.broken))
        self._layered = True
        if not ends_lines_by_cr(self.head):
            return again
        self.head = self.head.replace(b"\r", b"\n")
        return _buffer(BareReturns(again))


class _Again(Layer):
    """Yields the first bytes again, then the rest; an error after them occurs there again."""

    def __init__(self, head: bytes, file: io.BufferedReader, broken: Exception | None) -> None:
        self._head = io.BytesIO(head)
        self._file = file
        self._broken = broken

    def part(self, most: int) -> bytes:
        if part := self._head.read(most):
            return part
        if self._broken is not None:
            raise self._broken
        return self._file.read1(most)


def _buffer(layer: Layer) -> io.BufferedReader:
    return io.BufferedReader(layer, BUFFER_BYTES)


def _from_the_beginning(raw: io.BufferedReader, magic: bytes, *, seekable: bool) -> io.BufferedReader:
    if seekable:
        raw.seek(0)
        return raw
    return _buffer(_Again(magic, raw, None))


def _first(file: io.BufferedReader, most: int) -> tuple[bytes, Exception | None]:
    found = bytearray()
    try:
        while len(found) < most and (part := file.read(most - len(found))):
            found += part
    except BROKEN as error:
        return bytes(found), error
    return bytes(found), None
