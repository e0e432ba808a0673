"""Lines of keys in a TOML file: `tomllib` gives values alone, and an error should name its line.

A scan of headers and of keys that begin a line. It needs no more, since an error shows its key too: for a key inside an
inline table, the line of the table's own key counts.
"""

import re
import tomllib
from collections.abc import Iterator, Sequence

_KEY = r"""(?:[A-Za-z0-9_-]+|"[^"\n]*"|'[^'\n]*')"""
_PATH = rf"{_KEY}(?:\s*\.\s*{_KEY})*"
_HEADER = re.compile(rf"\s*\[(\[?)\s*({_PATH})\s*\]")
_ASSIGNMENT = re.compile(rf"\s*({_PATH})\s*=\s*(.*)")
_PART = re.compile(_KEY)
_LONG_TEXT = re.compile(r"'''.*?'''|\"\"\".*?\"\"\"")
_TEXT = re.compile(rf"""{_LONG_TEXT.pattern}|"(?:[^"\\]|\\.)*"|'[^']*'|#.*""")
_OPEN = re.compile(r"\"\"\"|'''")

Path = tuple[str, ...]


class KeyLines:
    """The line of each key, by the path of tables that leads to it."""

    def __init__(self, text: str) -> None:
        self._lines: dict[Path, int] = {}
        for path, number in _keys(text):
            for depth in range(1, len(path) + 1):
                self._lines.setdefault(path[:depth], number)

    def line(self, path: Sequence[str | int]) -> int | None:
        """The line of a key, or of the table around it; None where the file has neither."""
        parts = tuple(map(str, path))
        for length in range(len(parts), 0, -1):
            if parts[:length] in self._lines:
                return self._lines[parts[:length]]
        return None


def _keys(text: str) -> Iterator[tuple[Path, int]]:
    table: Path = ()
    counts: dict[Path, int] = {}
    quote, depth = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        if quote:
            quote = "" if quote in line else quote
            continue
        if depth:
            depth = max(0, depth + _brackets(line))
            continue
        if header := _HEADER.match(line):
            table = _split(header[2])
            if header[1]:
                counts[table] = counts.get(table, -1) + 1
                table = (*table, str(counts[table]))
            yield table, number
        elif assignment := _ASSIGNMENT.match(line):
            yield table + _split(assignment[1]), number
            opened = _OPEN.search(_LONG_TEXT.sub("", assignment[2]))
            quote = opened[0] if opened else ""
            depth = 0 if quote else max(0, _brackets(assignment[2]))


def _brackets(line: str) -> int:
    bare = _TEXT.sub("", line)
    return sum(map(bare.count, "[{")) - sum(map(bare.count, "]}"))


def _split(path: str) -> Path:
    return tuple(_unquote(part) for part in _PART.findall(path))


def _unquote(part: str) -> str:
    if part.startswith('"'):
        return str(tomllib.loads(f"key = {part}")["key"])
    return part.strip("'")
