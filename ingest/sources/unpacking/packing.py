"""Compression and encoding of files by their first bytes: layers that decode them, and formats to refuse by name."""

import bz2
import codecs
import gzip
import io
import lzma
import sys
import zlib
from typing import Any, NamedTuple, Protocol

from config.errors import UsageError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

ZSTD = b"\x28\xb5\x2f\xfd"
"""Magic bytes of zstd."""
PARQUET = b"PAR1"
BROKEN = (OSError, EOFError, zlib.error, zstd.ZstdError, lzma.LZMAError, UnicodeDecodeError)
"""Errors of reading a broken or cut file."""
MAGIC_BYTES = 265
"""Number of bytes that identify a file."""

_MARKS = ((codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
          (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))  # fmt: skip
"""Byte order marks of encodings other than UTF-8; the longer first, since one begins with another."""

_PIPE = "Unpack it and pipe it: {} | trends ingest file -"


class Kind(NamedTuple):
    """A kind of file that holds no readable posts."""

    name: str
    next_step: str


_UNREADABLE = (
    (0, b"PK\x03\x04", Kind("a ZIP archive (or a spreadsheet, .xlsx)", _PIPE.format("unzip -p FILE"))),
    (0, b"PK\x05\x06", Kind("an empty ZIP archive", "Nothing is in it")),
    (257, b"ustar", Kind("a tar archive", _PIPE.format("tar -xOf FILE"))),
    (0, b"7z\xbc\xaf\x27\x1c", Kind("a 7z archive", _PIPE.format("7z x -so FILE"))),
    (0, b"Rar!\x1a\x07", Kind("a RAR archive", _PIPE.format("unrar p -inul FILE"))),
    (0, b"\x04\x22\x4d\x18", Kind("packed by lz4", _PIPE.format("lz4 -dc FILE"))),
    (0, b"\xff\x06\x00\x00sNaPpY", Kind("packed by snappy", "Unpack it first")),
    (0, b"LZIP", Kind("packed by lzip", _PIPE.format("lzip -dc FILE"))),
    (0, b"\x1f\x9d", Kind("packed by compress", _PIPE.format("zcat FILE"))),
    (0, b"%PDF-", Kind("a PDF document", "It holds pages and no records: take the data that it was made from")),
    (0, b"\xd0\xcf\x11\xe0", Kind("an old Office document (.xls, .doc)", "Save it as CSV")),
    (0, b"SQLite format 3\x00", Kind("an SQLite database", "Write a table: sqlite3 -csv -header FILE 'SELECT …'")),
    (0, b"Obj\x01", Kind("an Avro file", "Write it as JSON lines: fastavro FILE | trends ingest file -")),
    (0, b"ORC", Kind("an ORC file", "Write it as Parquet, CSV or JSON lines")),
    (0, b"ARROW1", Kind("an Arrow (Feather) file", "Write it as Parquet")),
    (0, b"\x89PNG", Kind("a picture (PNG)", "It holds no records")),
    (0, b"\xff\xd8\xff", Kind("a picture (JPEG)", "It holds no records")),
    (0, b"GIF8", Kind("a picture (GIF)", "It holds no records")),
    (0, b"\x7fELF", Kind("a program", "It holds no records")),
    (0, b"<!DOCTYPE", Kind("a web page", "Save the data and not the page that shows it")),
    (0, b"<!doctype", Kind("a web page", "Save the data and not the page that shows it")),
    (0, b"<html", Kind("a web page", "Save the data and not the page that shows it")),
    (0, b"<?xml", Kind("an XML document", "Write it as CSV or JSON lines")),
    (0, b"{\\rtf", Kind("an RTF document", "Save it as plain text")),
)  # fmt: skip


def refuse_unreadable(head: bytes, where: str) -> None:
    """Raise `UsageError` for a known kind of file without readable posts, with its name and the next step."""
    for at, magic, kind in _UNREADABLE:
        if head.startswith(magic, at):
            raise UsageError(f"it is {kind.name}", where=where, next_step=kind.next_step)


class _CompressedFile(Protocol):
    """The common interface of libraries that decompress."""

    def read1(self, size: int = -1, /) -> bytes: ...


class Layer(io.RawIOBase):
    """A step of reading that only goes forward."""

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer, as far as one step goes; 0 at the end."""
        part = self.part(len(buffer))
        buffer[: len(part)] = part
        return len(part)

    def part(self, most: int) -> bytes:
        """The next bytes, at most so many; none at the end."""
        raise NotImplementedError


class _Decompressor(Layer):
    """Yields all readable bytes before it raises: a cut file loses nothing that is there."""

    def __init__(self, file: _CompressedFile) -> None:
        self._file = file

    def part(self, most: int) -> bytes:
        return self._file.read1(most)


class Recoding(Layer):
    """UTF-16 or UTF-32 as UTF-8. Half characters pass unchanged; the reader refuses their record."""

    def __init__(self, file: io.BufferedReader, encoding: str) -> None:
        self._file = file
        self._decoder = codecs.getincrementaldecoder(encoding)(errors="surrogatepass")
        self._left = b""
        self._ended = False

    def part(self, most: int) -> bytes:
        """See `Layer`."""
        while not self._left and not self._ended:
            read = self._file.read1(max(most // 2, 1))
            self._ended = not read
            self._left = self._decoder.decode(read, final=self._ended).encode(errors="surrogatepass")
        part, self._left = self._left[:most], self._left[most:]
        return part


class BareReturns(Layer):
    """Lines that end with CR alone, as old spreadsheets write them, end with LF. Every byte keeps its place."""

    def __init__(self, file: io.BufferedReader) -> None:
        self._file = file

    def part(self, most: int) -> bytes:
        """See `Layer`."""
        return self._file.read1(most).replace(b"\r", b"\n")


def decompressor(raw: io.BufferedReader, magic: bytes) -> Layer | None:
    """The layer that decompresses a file with these first bytes; None for a plain file. It reads all of `raw`."""
    if magic.startswith(b"\x1f\x8b"):
        return _Decompressor(gzip.GzipFile(fileobj=raw))
    if magic.startswith(ZSTD):
        return _Decompressor(zstd.ZstdFile(raw))
    if magic.startswith(b"BZh"):
        return _Decompressor(bz2.BZ2File(raw))
    if magic.startswith(b"\xfd7zXZ\x00"):
        return _Decompressor(lzma.LZMAFile(raw))
    return None


def encoding_of(head: bytes) -> str | None:
    """The encoding that a byte order mark names, where it is not UTF-8."""
    return next((encoding for mark, encoding in _MARKS if head.startswith(mark)), None)


def ends_lines_by_cr(head: bytes) -> bool:
    """Whether the first line ends with CR and no LF behind it. CR CR LF, which some programs write, is two ends."""
    at = head.find(b"\r")
    return at >= 0 and head.find(b"\n", 0, at) < 0 and head[at + 1 : at + 2] not in (b"\n", b"")
