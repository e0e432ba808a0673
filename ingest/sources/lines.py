"""Lines of a file, plain, gzip or zstd (told by its first bytes), with their positions. Bounded, whatever it holds."""

import gzip
import io
import sys
import zlib
from collections import deque
from pathlib import Path
from typing import Any, BinaryIO

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MOST_BYTES = 32_000_000
"""A longer line is not read: it is cut, and the rest of it skipped."""

BUFFER_BYTES = 1 << 18

_GZIP = b"\x1f\x8b"
ZSTD = b"\x28\xb5\x2f\xfd"
"""How what is packed by zstd begins."""
BROKEN = (OSError, EOFError, zlib.error, zstd.ZstdError)
"""What reading a broken or cut compressed file raises."""


class Lines:
    """The lines of one file, each with its end; the position is that of the next line."""

    def __init__(self, path: Path, at: int = 0, number: int = 0) -> None:
        self._raw = path.open("rb")
        self._file = _unpacked(self._raw)
        _go_to(self._file, at)
        self._ahead: deque[bytes] = deque()
        self.at = at
        """Byte, as unpacked, where the next line begins."""
        self.number = number
        """Lines before it."""
        self._closed_at = 0
        self.cut = False
        """Whether the line given last was too long and is cut."""

    def next(self) -> bytes:
        """The next line, or nothing at the end. Raises one of `BROKEN` where a compressed file is."""
        line = self._ahead.popleft() if self._ahead else self._file.readline(MOST_BYTES)
        self.at += len(line)
        self.number += line != b""
        self.cut = len(line) == MOST_BYTES and not line.endswith(b"\n")
        if self.cut:
            self._skip_line()
        return line

    def back(self, lines: list[bytes]) -> None:
        """Give back lines that were read last: they come again."""
        self._ahead.extendleft(reversed(lines))
        self.at -= sum(map(len, lines))
        self.number -= len(lines)

    def stored_bytes(self) -> int:
        """How far the file as stored has been read."""
        return self._closed_at if self._raw.closed else self._raw.tell()

    def close(self) -> None:
        """Close the file."""
        self._closed_at = self._raw.tell()
        self._file.close()
        self._raw.close()

    def _skip_line(self) -> None:
        while rest := self._file.readline(MOST_BYTES):
            self.at += len(rest)
            if rest.endswith(b"\n"):
                return


def head(path: Path, most: int) -> bytes:
    """The first bytes of a file, unpacked; what can be read of it where it is broken."""
    with path.open("rb") as raw:
        file = _unpacked(raw)
        found = bytearray()
        try:
            while len(found) < most and (part := file.read(most - len(found))):
                found += part
        except BROKEN:
            pass
        return bytes(found)


class _Unpacking(io.RawIOBase):
    """Gives what is unpacked before it raises for what can't be: a cut file loses nothing that is there."""

    def __init__(self, file: gzip.GzipFile | zstd.ZstdFile) -> None:
        self._file = file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        part = self._file.read1(len(buffer))
        buffer[: len(part)] = part
        return len(part)


def _unpacked(raw: BinaryIO) -> BinaryIO:
    magic = raw.read(4)
    raw.seek(0)
    if magic[:2] == _GZIP:
        return io.BufferedReader(_Unpacking(gzip.GzipFile(fileobj=raw)), BUFFER_BYTES)
    if magic == ZSTD:
        return io.BufferedReader(_Unpacking(zstd.ZstdFile(raw)), BUFFER_BYTES)
    return raw


def _go_to(file: BinaryIO, at: int) -> None:
    """Go there, in what is packed by reading up to there."""
    if not isinstance(file, io.BufferedReader) or not isinstance(file.raw, _Unpacking):
        file.seek(at)
        return
    while at and (part := file.read(min(at, BUFFER_BYTES))):
        at -= len(part)
