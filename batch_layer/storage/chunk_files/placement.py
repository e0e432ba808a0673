"""Placing: the fourth step of a commit. Any process may do it, at any time, and again.

The folder of an attempt in `_tmp` exists from before the commit until every part of its manifest is in its place. So a
manifest whose folder is gone needs nothing, and anybody may empty the folder of a committed one.
"""

from collections.abc import Iterable
from concurrent.futures import Executor
from typing import Generic, NamedTuple

from batch_layer.storage.chunk_files.attempts import Attempt
from batch_layer.storage.chunk_files.chunk_manifest import FilePart, M
from batch_layer.storage.chunk_files.commit_log import CommitLog
from batch_layer.storage.chunk_files.file_paths import FilePaths
from batch_layer.storage.chunk_files.identity import Origin
from batch_layer.storage.chunk_files.layout import parent
from batch_layer.storage.file_store import Store
from config.errors import DamagedError, UnavailableError
from config.quantity import quantity


class Site(NamedTuple, Generic[M]):
    """A folder to write to."""

    store: Store
    paths: FilePaths[M]
    threads: Executor
    origin: Origin = Origin()
    """Goes into every new manifest."""


def finish_all(to: Site[M], committed: Iterable[M]) -> list[tuple[str, DamagedError]]:
    """Finish the unfinished ones of some committed manifests; return the uuids of those that fail, and why."""
    left = {entry.name for entry in to.store.entries(to.paths.all_tmp)}
    unfinished: list[tuple[str, DamagedError]] = []
    for manifest in committed:
        if manifest.attempt.name in left:
            try:
                finish(to, manifest)
            except DamagedError as error:
                unfinished.append((manifest.uuid, error))
    return unfinished


def finish(to: Site[M], manifest: M) -> None:
    """Bring the parts of a committed manifest to their places."""
    attempt = manifest.attempt
    waiting = {entry.name for entry in to.store.entries(to.paths.tmp(attempt))}
    moves = [
        (to.paths.tmp_part(attempt, number), part)
        for number, part in enumerate(manifest.parts, start=1)
        if to.paths.layout.upload_name(number) in waiting
    ]
    folders = {parent(to.paths.absolute(part.path)) for _, part in moves}
    list(to.threads.map(to.store.make_folder, sorted(folders - _there(to, {parent(each) for each in folders}))))
    list(to.threads.map(lambda move: _move(to, *move), moves))
    to.store.delete(to.paths.tmp(attempt), everything_below=True)


def sweep(to: Site[M], log: CommitLog[M]) -> None:
    """Delete the folders of attempts that began below the end of a log.

    A manifest stands where each of them began, so none can commit any more. Call it after finishing all manifests that
    the log has read.
    """
    for entry in to.store.entries(to.paths.all_tmp):
        attempt = Attempt.of(entry.name)
        if attempt is not None and attempt.is_below({log.number: log.position}):
            to.store.delete(f"{to.paths.all_tmp}/{entry.name}", everything_below=True)


def _there(to: Site[M], parents: set[str]) -> set[str]:
    """The existing entries of some folders, such as the hours of a day: in a backfill most exist already."""
    listed = to.threads.map(lambda above: [f"{above}/{entry.name}" for entry in to.store.entries(above)], parents)
    return {path for found in listed for path in found}


def _move(to: Site[M], source: str, part: FilePart) -> None:
    """Move a part. A refused rename means that it is there already, with its length, or that the caller must retry."""
    path = to.paths.absolute(part.path)
    if to.store.rename(source, path):
        return
    there = to.store.bytes_of(path)
    if there not in {None, part.bytes}:
        what = f"{quantity(there or 0, 'byte')} instead of {part.bytes}"
        raise DamagedError(what, where=path, next_step="`trends verify` tells more")
    if there is None and to.store.bytes_of(source) is not None:
        raise UnavailableError("HDFS did not move a part", where=path)
