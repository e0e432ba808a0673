"""The cursor of `FileSource`: a position in a list of files. It detects files that have changed."""

import glob
import hashlib
import logging
import os
import re
from collections.abc import Sequence
from pathlib import Path

import msgspec

from config.errors import UsageError
from ingest.sources.base import Cursor
from ingest.sources.files.inputs import Input, Pipe, begins, is_pipe
from ingest.sources.unpacking.content import Content

logger = logging.getLogger(__name__)

SUFFIXES = frozenset({".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".txt", ".parquet"})
"""Suffixes of the files to read in a folder (one of `PACKED` may follow). A file that a path names needs none."""
PACKED = frozenset({".gz", ".zst", ".zstd", ".bz2", ".xz"})
X_EXPORT = re.compile(r"tweets?(-part\d+)?\.js", re.ASCII)
"""The files of X's own export that hold posts; of its many others none does."""
AGAIN = "`--restart` reads from the beginning; posts keep their ids, so the batch layer counts none twice"
"""The next step where a cursor does not fit."""


class FileCursor(msgspec.Struct, frozen=True):
    """A position: the source has read everything before it."""

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
    """Whether the rest of the file is unreadable."""
    before: str = ""
    """Digest of the names of the files before this one."""
    head: tuple[int, str] = (0, "")
    """How the file begins: so many bytes, and their digest."""
    within: str = ""
    """Of a JSON document, the containers that are open there, a bracket each."""

    def cursor(self) -> Cursor:
        """As a source's cursor."""
        cursor: Cursor = msgspec.to_builtins(self)
        return cursor


def position_of(cursor: Cursor, next_step: str = AGAIN) -> FileCursor:
    """The position that a cursor holds. Raises `UsageError` for a cursor of something else."""
    if not cursor:
        return FileCursor()
    try:
        return msgspec.convert(cursor, FileCursor)
    except msgspec.ValidationError as error:
        raise UsageError(f"not a cursor of files: {error}", next_step=next_step) from None


def open_at(position: FileCursor, files: Sequence[Input], next_step: str = AGAIN) -> Content:
    """The file of a position, open. Raises `UsageError` if other files have taken the place of those before."""
    if position.file >= len(files) or digest_of_names(files[: position.file]) != position.before:
        raise UsageError("the files before the last one have changed", next_step=next_step)
    file = files[position.file]
    content = file.open()
    if begins(content, position.head[0]) != position.head:
        content.close()
        raise UsageError("the file has changed since it was read", where=file.name, next_step=next_step)
    return content


def digest_of_names(files: Sequence[Input]) -> str:
    """Names a list of files."""
    if not files:
        return ""
    names = "\0".join(file.name for file in files)
    return hashlib.sha256(names.encode(errors="surrogateescape")).hexdigest()[:16]


def expand_paths(paths: Sequence[str]) -> list[Input]:
    """Inputs for paths, in order: folders and patterns by name, each file once, pipes. Raises `UsageError`."""
    found: dict[Path, Input] = {}
    for path in paths:
        if is_pipe(path):
            found[Path(path)] = Pipe(path)
            continue
        files = _matching_files(path)
        if not files:
            raise UsageError(
                "no such file", where=path, next_step="Name files, folders or a pattern such as 'day*.csv'"
            )
        for file in files:
            if not os.access(file, os.R_OK):
                raise UsageError("permission denied", where=str(file), next_step="Check its permissions")
            found.setdefault(file, Input(file))
    return list(found.values())


def _matching_files(path: str) -> list[Path]:
    place = Path(path).absolute()
    if place.is_dir():
        inside = (file for file in place.rglob("*") if file.is_file())
        return sorted(file for file in inside if _of_posts(file) and not _hidden(file.relative_to(place)))
    if place.is_file():
        return [place]
    return sorted(Path(name) for name in glob.glob(str(place), recursive=True) if Path(name).is_file())  # noqa: PTH207 - Path.glob takes no absolute pattern


def _of_posts(file: Path) -> bool:
    name = Path(file.stem) if file.suffix.lower() in PACKED else file
    if name.suffix.lower() in SUFFIXES or X_EXPORT.fullmatch(name.name):
        return True
    logger.info("%s is left out: in a folder, files of posts are named %s", file, " ".join(sorted(SUFFIXES)))
    return False


def _hidden(inside: Path) -> bool:
    return any(part.startswith(".") for part in inside.parts)
