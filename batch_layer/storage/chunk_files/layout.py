"""Layout: the names of parts below a root, and the one regular expression that a manifest's path of a part must match.

Integers and allow-listed names make up every path. WebHDFS clients interpret `..` and `#LATEST` in one, so no text of
anybody ever gets into it.

    <folder>/<prefix><partition>+<start>+<next>+1of2.<extension>
"""

import re
from typing import NamedTuple

_SPAN = r"(\d+)\+(\d{20})\+(\d{20})\+\d+of\d+"


class Span(NamedTuple):
    """Offsets `[start, next)` of a Kafka partition."""

    partition: int
    start: int
    next: int


class Layout:
    """Where the parts of one kind of folder lie."""

    def __init__(self, folders: str, prefixes: str, extension: str, further: str = "") -> None:
        """Regular expressions of a part's folder (empty: the root) and of the first characters of its name.

        `further`: the rest of another name that files of the folder may have.
        """
        self.extension = extension
        rest = f"(?:{_SPAN}|{further})" if further else _SPAN
        name = rf"{prefixes}{rest}\.{extension}"
        self._name = re.compile(name, re.ASCII)
        self._path = re.compile(f"{folders}/{name}" if folders else name, re.ASCII)

    def is_part(self, path: str) -> bool:
        """Whether it is a part's path below the root: a manifest may not lead a reader anywhere else."""
        return self._path.fullmatch(path) is not None

    def span_of(self, path: str) -> Span | None:
        """The offsets of a chunk's part; None for any other file."""
        found = self._name.fullmatch(path.rpartition("/")[2])
        return None if found is None or found[1] is None else Span(int(found[1]), int(found[2]), int(found[3]))

    def file_name(self, prefix: str, span: Span, number: int, of: int) -> str:
        """The name of part `number` (from 1) of a chunk."""
        offsets = f"{span.start:020d}+{span.next:020d}"
        return f"{prefix}{span.partition:d}+{offsets}+{number:d}of{of:d}.{self.extension}"

    def upload_name(self, number: int) -> str:
        """The name of part `number` (from 1) before it is in its place."""
        return f"{number:d}.{self.extension}"


def parent(path: str) -> str:
    """The folder of a path."""
    return path.rpartition("/")[0]
