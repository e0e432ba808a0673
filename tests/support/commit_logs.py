"""Commit logs: manifests made by hand on a double of HDFS."""

from uuid import uuid4

from batch_layer.archive.manifest import Manifest, Part, encode
from batch_layer.archive.paths import Paths
from batch_layer.archive.reading.ledger import Ledger
from batch_layer.storage.chunk_files.layout import Span
from config.settings import ArchiveSettings, HdfsSettings
from ingest.hours import Hour
from tests.support.hdfs_double import HdfsDouble

PATHS = Paths("/archive", "posts")
HOUR = Hour.parse("2017-01-06T07")


def chunk(start: int, end: int, hour: Hour = HOUR, partition: int = 0) -> Manifest:
    part = Part(
        str(hour), PATHS.part(hour, Span(partition, start, end), 1, 1), end - start, 1, hour.start_ms, hour.end_ms - 1
    )
    return Manifest(
        uuid=uuid4().hex, kind="chunk", topic="posts", partition=partition, start=start, next=end, parts=(part,),
        committed_at=start,
    )  # fmt: skip


def put(hdfs: HdfsDouble, *manifests: Manifest) -> None:
    for manifest in manifests:
        hdfs.put(PATHS.commit(manifest.partition, manifest.start), encode(manifest))


def ledger_of(hdfs: HdfsDouble) -> Ledger:
    ledger = Ledger(HdfsSettings(root="/archive"), ArchiveSettings(), "posts", store=hdfs)
    ledger.refresh()
    return ledger
