"""Identity: which folder this is, and of which topic. Two small files, each written once and never replaced.

    _identity/archive.json    the folder's id. It travels with the folder: a copy or a move keeps it
    _identity/topic.json      the topic, and Kafka's id of it, that the offsets of the manifests belong to

The first process writes them, by the same rename that commits a manifest. An archive of an earlier version has neither:
the first look adds its id, and its topic where Kafka still ends at or beyond every archived offset.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar
from uuid import uuid4

import msgspec

from batch_layer.storage.chunk_files.chunk_manifest import RESTORE
from batch_layer.storage.chunk_files.file_paths import FilePaths
from batch_layer.storage.file_store import Store
from config.decoding import damage, decoding
from config.errors import UnavailableError
from ingest.hours import Millis
from ingest.kafka.topic_ids import OtherTopicError, differ

TRIES = 5
_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)
_UPLOAD = "identity+"
"""Prefix of a file's name in `_tmp`, before its rename."""
_T = TypeVar("_T", bound=msgspec.Struct)


class Origin(NamedTuple):
    """Archive and topic of a position. Empty: unknown, as in everything of earlier versions."""

    archive: str = ""
    topic_id: str = ""


class ArchiveFile(msgspec.Struct, frozen=True, kw_only=True):
    """`_identity/archive.json`."""

    id: str
    """32 hex digits."""
    created_at: Millis
    adopted: bool = False
    """Whether manifests of an earlier version were there before the id."""


class TopicFile(msgspec.Struct, frozen=True, kw_only=True):
    """`_identity/topic.json`."""

    topic: str
    topic_id: str
    """Empty where the broker had no ids."""


def read_archive(store: Store, paths: FilePaths[Any]) -> ArchiveFile | None:
    """The archive's id; None where the folder has none yet."""
    found = _read(store, paths.archive_identity, ArchiveFile)
    if found is not None and not _ID.fullmatch(found.id):
        raise damage("identity", paths.archive_identity, RESTORE, f"its id is {found.id[:40]!r}")
    return found


def read_topic(store: Store, paths: FilePaths[Any]) -> TopicFile | None:
    """The topic of the archive's offsets; None where nobody has written it yet."""
    return _read(store, paths.topic_identity, TopicFile)


def ensure_archive(store: Store, paths: FilePaths[Any], now: Millis) -> ArchiveFile:
    """The archive's id; writes one if there is none."""
    found = read_archive(store, paths)
    if found is not None:
        return found
    adopted = bool(store.entries(paths.all_commits))
    return _put_if_absent(
        store, paths, paths.archive_identity, ArchiveFile(id=uuid4().hex, created_at=now, adopted=adopted)
    )


def ensure_topic(
    store: Store,
    paths: FilePaths[Any],
    topic_id: str,
    archived: Callable[[], Mapping[int, int]],
    ends: Callable[[], Mapping[int, int]],
) -> TopicFile:
    """The topic of the archive's offsets; writes it if it is not there. Raises `OtherTopicError` where it is another.

    `archived` and `ends` return the ends of archive and topic, by partition. The function calls them if the archive
    does not name its topic: if the archive goes beyond the topic's end, somebody has recreated the topic.
    """
    found = read_topic(store, paths)
    if found is None:
        beyond = _beyond(archived(), ends())
        if beyond is not None:
            partition, position, end = beyond
            raise ends_beyond(paths, partition, position, end)
        found = _put_if_absent(store, paths, paths.topic_identity, TopicFile(topic=paths.topic, topic_id=topic_id))
    check_topic(found, paths, topic_id)
    return found


def check_topic(found: TopicFile, paths: FilePaths[Any], topic_id: str) -> None:
    """Raise `OtherTopicError` where the folder is of another topic than the one that has the name now."""
    terms = paths.terms
    if found.topic != paths.topic:
        what = f"{terms.folder} is of the topic {found.topic}, and {terms.topic_key} is {paths.topic}"
        raise OtherTopicError(what, where=paths.root, next_step=terms.other_topic)
    if differ(found.topic_id, topic_id):
        what = (
            f"{terms.folder} is of the topic {paths.topic} with the id {found.topic_id}, and its id is {topic_id} now: "
            "it was deleted and recreated, or this is another Kafka"
        )
        raise OtherTopicError(what, where=paths.root, next_step=terms.other_topic)


def ends_beyond(paths: FilePaths[Any], partition: int, position: int, end: int) -> OtherTopicError:
    """The error of a folder that goes beyond the end of a partition."""
    folder = paths.terms.folder
    what = f"{folder} ends at offset {position} and the topic already at {end}: it was deleted and recreated"
    return OtherTopicError(what, where=f"{paths.topic}/{partition}", next_step=paths.terms.other_topic)


def _beyond(archived: Mapping[int, int], ends: Mapping[int, int]) -> tuple[int, int, int] | None:
    """A partition whose archive goes beyond its end, and both ends."""
    for partition, position in sorted(archived.items()):
        if position > ends.get(partition, 0):
            return partition, position, ends.get(partition, 0)
    return None


def _read(store: Store, path: str, kind: type[_T]) -> _T | None:
    raw = store.get(path)
    with decoding("identity", path, RESTORE):
        return None if raw is None else msgspec.json.decode(raw, type=kind)


def _put_if_absent(store: Store, paths: FilePaths[Any], path: str, wanted: _T) -> _T:
    """Write a file unless there is one, and return the one that is there.

    A process that sees it there deletes all attempts, even those that a full disk or a crash left behind: a process
    that loses its attempt in that moment makes another.
    """
    data = msgspec.json.encode(wanted)
    tmp = f"{paths.all_tmp}/{_UPLOAD}{uuid4().hex}.json"
    for _ in range(TRIES):
        store.make_folder(paths.identity)
        store.put(tmp, data)
        if store.bytes_of(tmp) == len(data):
            store.rename(tmp, path)
        there = _read(store, path, type(wanted))
        if there is not None:
            for entry in store.entries(paths.all_tmp):
                if entry.name.startswith(_UPLOAD):
                    store.delete(f"{paths.all_tmp}/{entry.name}")
            return there
    raise UnavailableError("HDFS refuses the identity without a reason", where=path, next_step="Has HDFS a quota?")
