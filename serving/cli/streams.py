"""Streams: standard output and standard error as commands write to them, whatever they lead to.

Promises
    A terminal obeys nothing that a post, a log or a server says: control characters and those that turn the direction
    of writing go to it as `\\u001b`, which in JSON is the same string. A file or a pipe gets what is there.
    Data (`--json`, `--csv`, `trends export`) is UTF-8 in every locale. Talk and tables are in the locale's encoding,
    and what that has not is replaced: nothing ends for a character.
    Standard output that is full or closed is an `OutputError`, one line. Standard error that is, is nobody to tell.
"""

import codecs
import errno
import io
import os
import sys
from collections.abc import Sequence
from typing import TextIO

from config.errors import TrendsError
from config.terminal_text import escape_controls

_LIKE = str.maketrans("█▉▊▋▌▍▎▏…–—·▲▼✚“”‘’→←│─┃━", "########.--.^v+\"\"''><|-|-")
"""ASCII stand-ins of the same width for signs that an encoding lacks."""
_LEGIBLE = "trends-legible"


class OutputError(TrendsError):
    """Standard output does not accept the output."""

    def __init__(self, error: OSError) -> None:
        super().__init__(error.strerror or str(error), where="standard output")


class Stream(io.TextIOWrapper):
    """A text stream on a file descriptor."""

    def __init__(self, raw: io.RawIOBase, encoding: str, errors: str, *, is_error: bool) -> None:
        self._is_terminal = raw.isatty()
        self.is_given_up = is_error
        """Whether to ignore failures: always on standard error, and after the first on standard output."""
        super().__init__(
            io.BufferedWriter(raw), encoding=encoding, errors=errors, line_buffering=is_error or self._is_terminal
        )

    @property
    def encoding(self) -> str:  # type: ignore[override] # everybody reads it, nobody sets it
        """The encoding; for ASCII a name that keeps click from making a stream of its own in place of this one."""
        named = super().encoding
        return "iso8859-1" if codecs.lookup(named).name == "ascii" else named

    def write(self, text: str) -> int:
        """Write, with control characters as codes on a terminal. Raises `OutputError`, and `BrokenPipeError`."""
        return self.write_as_is(escape_controls(text) if self._is_terminal else text)

    def write_as_is(self, text: str) -> int:
        """Write control characters too: for a console that escapes text itself."""
        try:
            return super().write(text)
        except OSError as error:
            self._fail(error)
            return len(text)

    def flush(self) -> None:
        """Write the buffer. Raises as `write`."""
        try:
            super().flush()
        except OSError as error:
            self._fail(error)

    def _fail(self, error: OSError) -> None:
        if self.is_given_up:
            return
        self.is_given_up = True
        if isinstance(error, BrokenPipeError):
            raise error
        raise OutputError(error) from None


class _Closed(io.RawIOBase):
    """Stands in for a missing stream."""

    def writable(self) -> bool:
        """Always true."""
        return True

    def write(self, _: object) -> int:
        """Fail: there is nowhere to write to."""
        raise OSError(errno.EBADF, "it is closed")


def install(arguments: Sequence[str]) -> None:
    """Put them in place of Python's own, once, before a command begins."""
    codecs.register_error(_LEGIBLE, _legible)
    is_data = "--json" in arguments or "--csv" in arguments or "export" in arguments[:1]
    for descriptor in range(3):
        _occupy(descriptor)
    sys.stdout = _stream(sys.stdout, "utf-8" if is_data else None, "backslashreplace" if is_data else _LEGIBLE)
    sys.stderr = _stream(sys.stderr, None, _LEGIBLE, is_error=True)
    for name, usual in (("COLUMNS", "80"), ("LINES", "24")):
        if os.environ.get(name, "").strip() == "0":
            os.environ[name] = usual


def as_is(stream: TextIO) -> TextIO:
    """A stream for a console that makes its text safe by itself."""
    return _AsIs(stream) if isinstance(stream, Stream) else stream  # type: ignore[return-value] # as far as it is used


class _AsIs:
    def __init__(self, stream: Stream) -> None:
        self.write, self.flush, self.isatty, self.fileno = (
            stream.write_as_is,
            stream.flush,
            stream.isatty,
            stream.fileno,
        )
        self.encoding = stream.encoding


def _stream(python: TextIO | None, encoding: str | None, errors: str, *, is_error: bool = False) -> Stream:
    if python is None:
        return Stream(_Closed(), encoding or "utf-8", errors, is_error=is_error)
    raw = io.FileIO(python.fileno(), "w", closefd=False)
    return Stream(raw, encoding or python.encoding, errors, is_error=is_error)


def _occupy(descriptor: int) -> None:
    """See to it that no file or socket of ours becomes a standard stream of the programs that we start."""
    try:
        os.fstat(descriptor)
    except OSError:
        os.open(os.devnull, os.O_RDWR)  # the lowest that is free: this one


def _legible(error: UnicodeError) -> tuple[str, int]:
    """Stand-ins for characters that an encoding lacks."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    stands = error.object[error.start : error.end].translate(_LIKE)
    return "".join(each if each.isascii() else "?" for each in stands), error.end
