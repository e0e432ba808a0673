"""Where reading stands in a list of files: the cursor of `FileSource`. It notices files that are not what they were."""

import glob
import hashlib
import logging
import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from config.errors import UsageError
from ingest.sources.base import Cursor
from ingest.sources.lines import head

logger = logging.getLogger(__name__)

HEAD_BYTES = 4_096
SUFFIXES = frozenset({".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".txt"})
"""Of a folder, files named so are read (`.gz`, `.zst` may follow); a file that is named itself always is."""
PACKED = frozenset({".gz", ".zst", ".zstd"})
_AGAIN = "`--restart` reads from the beginning; posts keep their ids, so the batch layer counts none twice"


class Position(msgspec.Struct, frozen=True):
    """Up to where everything is read."""

    file: int = 0
    """Index of the file."""
    byte: int = 0
    """As unpacked."""
    line: int = 0
    item: int = 0
    """Posts already read of the record at `byte`."""
    posts: int = 0
    """Posts given since the beginning, over all files."""
    broken: bool = False
    """The file can't be read beyond this."""
    before: str = ""
    """Digest of the names of the files before this one."""
    head: tuple[int, str] = (0, "")
    """How the file begins: so many bytes, and their digest."""

    def cursor(self) -> Cursor:
        """As a source's cursor."""
        cursor: Cursor = msgspec.to_builtins(self)
        return cursor


def resumed(cursor: Cursor, files: Sequence[Path]) -> Position:
    """The position of a cursor. Raises `UsageError` where the files are not those that it was made for."""
    if not cursor:
        return Position()
    try:
        position = msgspec.convert(cursor, Position)
    except msgspec.ValidationError as error:
        raise UsageError(f"not a cursor of files: {error}", next_step=_AGAIN) from None
    if position.file >= len(files) or digest_of_names(files[: position.file]) != position.before:
        raise UsageError("the files before the last one read are not the same any more", next_step=_AGAIN)
    if identity(files[position.file], position.head[0]) != position.head:
        raise UsageError("it was changed since it was read", where=str(files[position.file]), next_step=_AGAIN)
    return position


def identity(path: Path, most: int = HEAD_BYTES) -> tuple[int, str]:
    """How a file begins. One that has only grown keeps its identity."""
    begins = head(path, most)
    return len(begins), hashlib.sha256(begins).hexdigest()[:16]


def digest_of_names(files: Sequence[Path]) -> str:
    """Names a list of files."""
    if not files:
        return ""
    return hashlib.sha256("\0".join(map(str, files)).encode(errors="surrogateescape")).hexdigest()[:16]


def expanded(paths: Sequence[str]) -> list[Path]:
    """The files that are meant, in order: folders and patterns by name, each file once. Raises `UsageError`."""
    found: dict[Path, None] = {}
    for path in paths:
        files = _meant(path)
        if not files:
            raise UsageError(
                "no such file", where=path, next_step="Name files, folders or a pattern such as 'day*.csv'"
            )
        found.update(dict.fromkeys(files))
    for file in found:
        if not os.access(file, os.R_OK):
            raise UsageError("it may not be read", where=str(file), next_step="Look at its permissions")
    return list(found)


def _meant(path: str) -> list[Path]:
    place = Path(path).absolute()
    if place.is_dir():
        inside = (file for file in place.rglob("*") if file.is_file())
        return sorted(file for file in inside if _of_posts(file) and not _hidden(file.relative_to(place)))
    if place.is_file():
        return [place]
    return sorted(Path(name) for name in glob.glob(str(place), recursive=True) if Path(name).is_file())  # noqa: PTH207 - Path.glob takes no absolute pattern


def _of_posts(file: Path) -> bool:
    name = Path(file.stem) if file.suffix.lower() in PACKED else file
    if name.suffix.lower() in SUFFIXES:
        return True
    logger.info("%s is left out: in a folder, files of posts are named %s", file, " ".join(sorted(SUFFIXES)))
    return False


def _hidden(inside: Path) -> bool:
    return any(part.startswith(".") for part in inside.parts)
