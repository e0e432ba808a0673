"""Lines of any content, of bounded size, with their positions."""

from collections import deque

from ingest.sources.unpacking.content import UTF8_MARK, Content

MOST_BYTES = 32_000_000
"""`Lines` cuts a longer line and skips the rest of it."""


class Lines:
    """The lines of one content, each with its end; the position is that of the next line."""

    within = within_before = ""
    """A line lies within nothing (see `Elements`)."""

    def __init__(self, content: Content, at: int = 0, number: int = 0) -> None:
        self._content = content
        if at == 0 and content.head.startswith(UTF8_MARK):
            at = len(UTF8_MARK)
        content.go_to(at)
        self._file = content.file
        self._ahead: deque[bytes] = deque()
        self.at = at
        """Byte where the next line begins."""
        self.number = number
        """Lines before it."""
        self.cut = False
        """Whether `next` cut the line given last because it was too long."""

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
        """Give back the last lines: they come again."""
        self._ahead.extendleft(reversed(lines))
        self.at -= sum(map(len, lines))
        self.number -= len(lines)

    def _skip_line(self) -> None:
        while rest := self._file.readline(MOST_BYTES):
            self.at += len(rest)
            if rest.endswith(b"\n"):
                return
