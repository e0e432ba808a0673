"""Records of JSON that are not a line each: arrays, documents over many lines, X's own export. Read as they come.

Each element of an array, however large, is a record, and so is a document that holds no array of posts. Of a document
such as `{"statuses": [` the posts are the records too. An answer of X's API v2 stays whole, since its posts need its
`includes`; if it is larger than `MOST_BYTES`, the reader takes it apart at its `data`, without its `includes`. The name
of a variable may precede an array: `window.YTD.tweets.part0 = [`.

A bracket without an end would take all records after it. So where a record begins a line, an object that begins another
line in the same column begins another record, if the first is not well-formed by then.
"""

import re

import msgspec

from ingest.sources.formats.lines import MOST_BYTES
from ingest.sources.unpacking.content import UTF8_MARK, Content

CHUNK_BYTES = 1 << 18
MOST_WITHIN = 6
"""Most levels of containers to look into."""
MOST_UNCLOSED_BYTES = 1_000_000
"""A longer record without an end counts as broken, if the beginning of the next one is recognizable."""
KEPT_BYTES = 65_536

_BETWEEN = re.compile(rb"[\s,;\x1e]*")
_ASSIGNED = re.compile(rb"[A-Za-z_$][\w$.]*\s*=\s*(?=[\[{])")
_MOST_ASSIGNED = 256
_NO_BRACKET = rb'(?:[^"\[\]{}]++|"(?:[^"\\\n]++|\\.)*+(?:"|(?=\n)))*+'
_PLAIN = re.compile(_NO_BRACKET, re.DOTALL)
_BRACKET = re.compile(_NO_BRACKET + rb"[\[\]{}]", re.DOTALL)
"""Up to the next bracket that is not in a string. A string ends with its line at the latest."""
_STRAY = re.compile(rb'\[+|[\]}]|(?:[^\n{\[\]"]++|"(?:[^"\\\n]++|\\.)*+"?)++', re.DOTALL)
_LISTS = re.compile(rb'"(statuses|tweets|data)"\s*:\s*\[\Z')
_WHOLE = b"data"
_LONGEST_KEY = 64
_GOES_ON = (b",", b"[", b":")
_any = msgspec.json.Decoder(msgspec.Raw)


class Elements:
    """The records of one content. The position is behind the record given last, and `within` tells its containers.

    A cursor keeps both: `within` has a bracket for each container that is open there.
    """

    def __init__(
        self, content: Content, at: int = 0, number: int = 0, within: str = "", *, whole: bool = False
    ) -> None:
        """`whole`: a document is one record, whatever lists it holds."""
        if at == 0 and content.head.startswith(UTF8_MARK):
            at = len(UTF8_MARK)
        content.go_to(at)
        self._file = content.file
        self._whole = whole
        self._buffer, self._from, self._ended = b"", 0, False
        self.at, self.number, self.within = at, number, within
        self.within_before = within
        """`within` before the record given last."""
        self.first_line = number
        """Lines before the record given last."""
        self.cut = False
        """Whether `next` cut the record given last because it was too long."""

    def next(self) -> bytes:
        """The next record, or nothing at the end. Raises one of `BROKEN` where a compressed file is."""
        self.cut, self.within_before = False, self.within
        while True:
            indent = self._between()
            if self._from == len(self._buffer):
                return b""
            self.first_line = self.number
            match self._buffer[self._from : self._from + 1]:
                case b"{":
                    if record := self._record(indent):
                        return record
                case b"[" if len(self.within) < MOST_WITHIN:
                    self._take(1)
                    self.within += "["
                case b"]" if self.within.endswith("["):
                    self._take(1)
                    self.within = self.within[:-1]
                    if self.within.endswith("{"):
                        self._skip_rest()
                case _:
                    return self._stray()

    def _between(self) -> bytes | None:
        """Go to where something begins; the blanks before it where it begins its line."""
        line = None
        while True:
            found = _BETWEEN.match(self._buffer, self._from)
            blanks = found[0] if found else b""
            if b"\n" in blanks:
                line = blanks.rpartition(b"\n")[2]
            elif line is not None:
                line += blanks
            self._take(len(blanks))
            if self._from < len(self._buffer) - _MOST_ASSIGNED or not self._more():
                break
        if not self.within and (assigned := _ASSIGNED.match(self._buffer, self._from)):
            self._take(len(assigned[0]))
        return line if line is None or not line.strip() else None

    def _record(self, indent: bytes | None) -> bytes:
        """The record that begins here; nothing where this enters its list instead."""
        next_line = None if indent is None else b"\n" + indent + b"{"
        depth, seen, kept_list = 0, 0, 0  # bytes up to the last bracket; where its `data` begins
        doubt = self._next_begins(1, next_line)
        while True:
            while found := _BRACKET.match(self._buffer, self._from + seen):
                seen = found.end() - self._from
                bracket = self._buffer[found.end() - 1]
                if doubt and seen > doubt:
                    if self._ends_before(doubt):
                        return self._take(doubt)
                    doubt = self._next_begins(seen, next_line)
                if bracket == 0x5B and depth == 1 and (key := self._key(found.end())):
                    if key != _WHOLE and len(self.within) < MOST_WITHIN - 1:
                        return self._enter(seen)
                    kept_list = kept_list or seen
                depth += 1 if bracket in b"{[" else -1
                if depth == 0:
                    return self._take(self._well_formed(seen, next_line))
            size = len(self._buffer) - self._from
            if size > MOST_UNCLOSED_BYTES and (cut := self._next_begins(1, next_line)):
                return self._take(cut)
            if size > MOST_BYTES:
                return self._enter(kept_list) if kept_list else self._truncate(seen, depth)
            if not self._more():
                return self._take(self._next_begins(1, next_line) or size)
            doubt = doubt or self._next_begins(max(seen, 1), next_line)

    def _key(self, end: int) -> bytes | None:
        if self._whole:
            return None
        found = _LISTS.search(self._buffer, max(self._from, end - _LONGEST_KEY), end)
        return found[1] if found else None

    def _enter(self, size: int) -> bytes:
        self._take(size)
        self.within += "{["
        return b""

    def _well_formed(self, size: int, next_line: bytes | None) -> int:
        """How long a record is that seems to have so many bytes."""
        cut = self._next_begins(1, next_line)
        if not 0 < cut < size:
            return size
        try:
            _any.decode(self._buffer[self._from : self._from + size])
        except (msgspec.MsgspecError, RecursionError):
            return cut
        return size

    def _next_begins(self, since: int, next_line: bytes | None) -> int:
        """Where another record seems to begin, at or behind a byte of this one; 0 if the buffer has none."""
        if next_line is None:
            return 0
        return max(self._buffer.find(next_line, self._from + since) - self._from, 0)

    def _ends_before(self, size: int) -> bool:
        """Whether nothing that is well-formed goes on with an object there."""
        return not self._buffer[self._from : self._from + size].rstrip().endswith(_GOES_ON)

    def _truncate(self, seen: int, depth: int) -> bytes:
        """The beginning of a record that is too long. This skips the rest of it."""
        self.cut = True
        kept = self._buffer[self._from : self._from + KEPT_BYTES]
        self._take(seen)
        self._skip(depth)
        return kept

    def _skip_rest(self) -> None:
        """Skip the rest of a document behind its list."""
        self._skip(1)
        self.within = self.within[:-1]

    def _skip(self, depth: int) -> None:
        while depth:
            if found := _BRACKET.match(self._buffer, self._from):
                depth += 1 if self._buffer[found.end() - 1] in b"{[" else -1
                self._take(found.end() - self._from)
                continue
            plain = _PLAIN.match(self._buffer, self._from)
            self._take(len(plain[0]) if plain else 0)
            if not self._more() or len(self._buffer) - self._from > MOST_BYTES:
                self._take(len(self._buffer) - self._from)
                return

    def _stray(self) -> bytes:
        """Text in place of a record: up to the end of its line, or to the next record."""
        while b"\n" not in self._buffer[self._from :] and len(self._buffer) - self._from < KEPT_BYTES and self._more():
            pass
        found = _STRAY.match(self._buffer, self._from)
        return self._take(len(found[0]) if found else 1)

    def _take(self, size: int) -> bytes:
        taken = self._buffer[self._from : self._from + size]
        self._from += size
        self.at += size
        self.number += taken.count(b"\n")
        return taken

    def _more(self) -> bool:
        """Read on; whether there was more."""
        if not self._ended:
            part = self._file.read1(CHUNK_BYTES)  # a pipe gives what it has
            self._ended = not part
            self._buffer = self._buffer[self._from :] + part
            self._from = 0
        return not self._ended
