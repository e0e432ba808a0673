"""Placing: the fourth step of a commit, by whoever comes by. Any process may do it, at any time, and again.

The folder `_tmp/<uuid>` exists from before the commit until every part of the manifest is in its place. So a manifest
whose folder is gone needs nothing, and the folder of one that is committed may be emptied by anybody.
"""

from collections.abc import Iterable
from concurrent.futures import Executor
from typing import NamedTuple
from uuid import UUID

from batch_layer.archive.manifest import Manifest, Part
from batch_layer.archive.paths import Paths, parent
from batch_layer.archive.store import Store
from config.errors import TrendsError, UnavailableError


class Site(NamedTuple):
    """An archive that is written to."""

    store: Store
    paths: Paths
    threads: Executor


def finish_all(to: Site, committed: Iterable[Manifest]) -> None:
    """Finish those of some committed manifests that are not."""
    left = {entry.name for entry in to.store.entries(to.paths.all_tmp)}
    for manifest in committed:
        if manifest.uuid in left:
            finish(to, manifest)


def finish(to: Site, manifest: Manifest) -> None:
    """Bring the parts of a committed manifest to their places."""
    uuid = UUID(manifest.uuid)
    waiting = {entry.name for entry in to.store.entries(to.paths.tmp(uuid))}
    moves = [
        (to.paths.tmp_part(uuid, number), part)
        for number, part in enumerate(manifest.parts, start=1)
        if f"{number}.avro" in waiting
    ]
    folders = {parent(to.paths.absolute(part.path)) for _, part in moves}
    list(to.threads.map(to.store.make_folder, sorted(folders)))
    list(to.threads.map(lambda move: _move(to, *move), moves))
    to.store.delete(to.paths.tmp(uuid), everything_below=True)


def _move(to: Site, source: str, part: Part) -> None:
    """A rename that says no: the part has been moved already, here with its length, or it must be tried again."""
    path = to.paths.absolute(part.path)
    if to.store.rename(source, path):
        return
    there = to.store.bytes_of(path)
    if there not in {None, part.bytes}:
        raise TrendsError(f"{there} bytes instead of {part.bytes}", where=path, next_step="`trends verify` tells more")
    if there is None and to.store.bytes_of(source) is not None:
        raise UnavailableError("HDFS did not move a part", where=path)
