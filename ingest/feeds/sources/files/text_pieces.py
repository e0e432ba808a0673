"""Pieces of a text: a line each, or less of a long line, cut between two words; and the words of a piece."""

import re
import unicodedata
from collections.abc import Iterator

from config.errors import BadRecordError
from ingest.sources.formats.lines import Lines
from ingest.sources.unpacking.content import Content

PIECE_BYTES = 65_536
"""Longest piece, and longest word."""

_BLANK = re.compile(rb"[ \t\n\r\v\f]")
_AROUND = "PSZC"
"""Categories of Unicode that are no part of a word at its ends: punctuation, symbols, separators, control."""


class TextPieces(Lines):
    """The pieces of one content. A piece ends with a blank, so a word lies in one piece, whose bytes say which it is.

    The same bytes come from a position on, however the reading came there.
    """

    def __init__(self, content: Content, at: int = 0, number: int = 0) -> None:
        super().__init__(content, at, number)
        self._rest = b""

    def next(self) -> bytes:
        """The next piece, or nothing at the end. Of a word that is longer than a piece, its first `PIECE_BYTES`."""
        piece, self._rest = self._rest, b""
        if not piece.endswith(b"\n"):
            piece += self._file.readline(PIECE_BYTES - len(piece))
        if len(piece) == PIECE_BYTES and not piece.endswith(b"\n"):
            piece, self._rest = self._cut(piece)
        self.at += len(piece)
        self.number += piece.endswith(b"\n")
        return piece

    def _cut(self, piece: bytes) -> tuple[bytes, bytes]:
        """A piece up to its last blank, and the rest."""
        last = max(piece.rfind(blank) for blank in (b" ", b"\t", b"\r", b"\v", b"\f"))
        if last >= 0:
            return piece[: last + 1], piece[last + 1 :]
        while more := self._file.readline(PIECE_BYTES):
            blank = _BLANK.search(more)
            if blank is not None:
                self.at += blank.start()
                return piece, more[blank.start() :]
            self.at += len(more)
        return piece, b""


def words_of(piece: str) -> Iterator[str]:
    """The words of a text in order: what stands between blanks, without the punctuation and symbols around it.

    `"2,499"`, `don't` and `Rosny-sous-Bois` are words as they stand; `--` holds none.
    """
    for part in piece.split():
        if part.isalnum():
            yield part
        elif word := _strip(part):
            yield word


def refuse_long(piece: bytes) -> None:
    """Raise `BadRecordError` for a piece that is the beginning of a word too long to read."""
    if len(piece) >= PIECE_BYTES and _BLANK.search(piece) is None:
        raise BadRecordError(f"a word of {PIECE_BYTES:,} bytes or more")


def _strip(part: str) -> str:
    start, end = 0, len(part)
    while start < end and unicodedata.category(part[start])[0] in _AROUND:
        start += 1
    while end > start and unicodedata.category(part[end - 1])[0] in _AROUND:
        end -= 1
    return part[start:end]
