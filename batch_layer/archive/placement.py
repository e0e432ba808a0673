"""Placing: the fourth step of a commit. Any process may do it, at any time, and again.

The folder of an attempt in `_tmp` exists from before the commit until every part of its manifest is in its place. So a
manifest whose folder is gone needs nothing, and anybody may empty the folder of a committed one.
"""

from collections.abc import Iterable
from concurrent.futures import Executor
from typing import NamedTuple

from batch_layer.archive.commit_log import CommitLog
from batch_layer.archive.identity import Origin
from batch_layer.archive.manifest import Manifest, Part
from batch_layer.archive.paths import Attempt, Paths, parent
from batch_layer.storage.file_store import Store
from config.errors import DamagedError, UnavailableError
from config.quantity import quantity


class Site(NamedTuple):
    """An archive to write to."""

    store: Store
    paths: Paths
    threads: Executor
    origin: Origin = Origin()
    """Goes into every new manifest."""


def finish_all(to: Site, committed: Iterable[Manifest]) -> list[tuple[str, DamagedError]]:
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


def finish(to: Site, manifest: Manifest) -> None:
    """Bring the parts of a committed manifest to their places."""
    attempt = manifest.attempt
    waiting = {entry.name for entry in to.store.entries(to.paths.tmp(attempt))}
    moves = [
        (to.paths.tmp_part(attempt, number), part)
        for number, part in enumerate(manifest.parts, start=1)
        if f"{number}.avro" in waiting
    ]
    hours = {parent(to.paths.absolute(part.path)) for _, part in moves}
    list(to.threads.map(to.store.make_folder, sorted(hours - _there(to, {parent(hour) for hour in hours}))))
    list(to.threads.map(lambda move: _move(to, *move), moves))
    to.store.delete(to.paths.tmp(attempt), everything_below=True)


def sweep(to: Site, log: CommitLog) -> None:
    """Delete the folders of attempts that began below the end of a log.

    A manifest stands where each of them began, so none can commit any more. Call it after finishing all manifests that
    the log has read.
    """
    for entry in to.store.entries(to.paths.all_tmp):
        attempt = Attempt.of(entry.name)
        if attempt is not None and attempt.is_below({log.number: log.position}):
            to.store.delete(f"{to.paths.all_tmp}/{entry.name}", everything_below=True)


def _there(to: Site, days: set[str]) -> set[str]:
    """The existing hour folders of some days. It lists a day at a time, since in a backfill most exist already."""
    listed = to.threads.map(lambda day: [f"{day}/{entry.name}" for entry in to.store.entries(day)], days)
    return {hour for found in listed for hour in found}


def _move(to: Site, source: str, part: Part) -> None:
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
