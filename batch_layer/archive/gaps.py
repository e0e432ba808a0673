"""Gaps by declaration: a hole in a log, and nothing else, becomes a gap if a person says that its manifest is gone.

The archiver never does this by itself: it can't know whether somebody has a backup. A declaration first renames a
damaged manifest, which makes a hole; where no manifest follows, the archiver reads on from Kafka.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from batch_layer.archive.manifest import Manifest
from batch_layer.archive.paths import Paths
from batch_layer.storage.chunk_files.commit_log import CommitLog, HoleError
from batch_layer.storage.chunk_files.flush import gap_manifest
from batch_layer.storage.chunk_files.identity import Origin, read_archive, read_topic
from batch_layer.storage.chunk_files.placement import Site
from batch_layer.storage.webhdfs import HdfsStore
from config.errors import FencedError, NoDataError, TrendsError
from config.settings import Settings
from ingest.hours import Millis

SET_ASIDE = ".damaged"
"""Suffix of a damaged manifest after its renaming."""


class Loss(NamedTuple):
    """Offsets `[start, end)` of a partition whose manifest is missing or damaged."""

    partition: int
    start: int
    end: int | None
    """None where no manifest follows: then the archive loses no offsets."""
    damaged: str
    """Path of the damaged manifest; empty where it is missing."""


def find_loss(settings: Settings, partition: int, start: int) -> Loss:
    """The hole or the damaged manifest at exactly that offset. Raises `NoDataError` where there is none."""
    with ThreadPoolExecutor(settings.archive.upload_threads) as threads:
        return _loss(_site(settings, threads), partition, start)


def declare_gap(settings: Settings, loss: Loss, now: Millis) -> int:
    """Commit a gap for a loss; return the end of the partition's archive afterwards.

    Raises `FencedError` where the loss is another one by now, since somebody has restored the manifest.
    """
    with ThreadPoolExecutor(settings.archive.upload_threads) as threads:
        to = _site(settings, threads)
        if _loss(to, loss.partition, loss.start) != loss:
            raise FencedError("the log has changed meanwhile", where=f"{to.paths.topic}/{loss.partition}@{loss.start}")
        if loss.damaged and not to.store.rename(loss.damaged, loss.damaged + SET_ASIDE):
            raise TrendsError("HDFS does not rename it", where=loss.damaged, next_step="Is there one of that name?")
        log = _read(to, loss.partition)
        if loss.end is not None:
            gap = gap_manifest(to, log, loss.end, now, why="declared by hand: its manifest is lost")
            there = log.commit(gap)
            to.store.delete(to.paths.tmp(gap.attempt), everything_below=True)
            if there.uuid != gap.uuid:
                raise FencedError("somebody has put a manifest there", where=to.paths.commit(log.number, log.position))
            log = _read(to, loss.partition)
        return log.position


def _loss(to: Site[Manifest], partition: int, start: int) -> Loss:
    log = _read(to, partition)
    where = f"{to.paths.topic}/{partition}"
    if log.damage is None:
        what = f"no manifest is missing or damaged: the log is whole up to offset {log.position}"
        raise NoDataError(what, where=where)
    if log.position != start:
        what = f"the first damage of this log is at offset {log.position}, not at {start}"
        raise NoDataError(what, where=where, next_step=str(log.damage))
    if isinstance(log.damage, HoleError):
        return Loss(partition, start, log.damage.hole.end, damaged="")
    end = min((later for later in log.starts() if later > start), default=None)
    return Loss(partition, start, end, damaged=to.paths.commit(partition, start))


def _read(to: Site[Manifest], partition: int) -> CommitLog[Manifest]:
    log = CommitLog(to.store, to.paths, partition, to.origin.archive)
    log.read_on(to.threads)
    return log


def _site(settings: Settings, threads: ThreadPoolExecutor) -> Site[Manifest]:
    store, paths = HdfsStore(settings.hdfs), Paths(settings.hdfs.root, settings.kafka.posts)
    archive, topic = read_archive(store, paths), read_topic(store, paths)
    origin = Origin(archive.id if archive else "", topic.topic_id if topic else "")
    return Site(store, paths, threads, origin)
