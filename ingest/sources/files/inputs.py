"""Inputs: files, and pipes, whose name is a digest of their first bytes, since they come only once.

So the same content through a pipe resumes after its last commit, as a file does, and another one starts from the
beginning. Errors of the pipe's writer stay unknown here.
"""

import hashlib
import os
import re
import stat
import sys
from pathlib import Path

from config.errors import UsageError
from ingest.sources.unpacking.content import Content

IDENTITY_BYTES = 4_096
STANDARD_INPUT = "-"

_DESCRIPTOR = re.compile(r"/(?:dev|proc/self)/fd/(\d+)")
_STANDARD = ("-", "/dev/stdin")


class Input:
    """A file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = str(path)
        """Its name in sources and cursors."""

    @property
    def size(self) -> int:
        """Bytes as stored; 0 if unknown."""
        return self.path.stat().st_size

    def open(self) -> Content:
        """Open it. Raises `UsageError`."""
        return Content.of(self.path)


class Pipe(Input):
    """A pipe, or another input that comes only once. The constructor opens it and reads its head."""

    def __init__(self, path: str) -> None:
        super().__init__(Path(path))
        self._content: Content | None = _open_once(path)
        self.name = f"pipe:{begins(self._content)[1]}"

    @property
    def size(self) -> int:
        """Not known."""
        return 0

    def open(self) -> Content:
        """Its content, once."""
        content, self._content = self._content, None
        if content is None:
            raise UsageError(
                "a pipe can be read only once", where=str(self.path), next_step="Name the file that it comes from"
            )
        return content


def begins(content: Content, most: int = IDENTITY_BYTES) -> tuple[int, str]:
    """Number and digest of the first bytes of a content."""
    head = content.head[:most]
    return len(head), hashlib.sha256(head).hexdigest()[:16]


def is_pipe(path: str) -> bool:
    """Whether a path comes only once: standard input, `<(…)`, a named pipe, a device."""
    if path in _STANDARD or _DESCRIPTOR.fullmatch(path):
        return True
    try:
        mode = Path(path).stat().st_mode
    except (OSError, ValueError):
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISCHR(mode) or stat.S_ISSOCK(mode)


def _open_once(path: str) -> Content:
    named = _DESCRIPTOR.fullmatch(path)
    number = 0 if path in _STANDARD else int(named[1]) if named else None
    where = "standard input" if number == 0 else path
    if number == 0 and sys.__stdin__ is not None and sys.__stdin__.isatty():
        raise UsageError("it is a terminal", where=where, next_step="Pipe posts into it, or name a file")
    try:
        raw = Path(path).open("rb") if number is None else os.fdopen(os.dup(number), "rb")  # noqa: SIM115 - the content closes it
        return Content(raw, where, once=True)
    except OSError as error:
        raise UsageError(
            f"can't be read: {error.strerror}", where=where, next_step="Name a file, or pipe into `-`"
        ) from None
