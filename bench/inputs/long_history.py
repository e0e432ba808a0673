"""Long history: an archive of very many hours and their documents, as years of running leave them, laid in a minute.

Each hour has one post, in one chunk of one partition, compacted into one file; each hour has its final document. The
messages are on Kafka, so the archive has come to the end of its topic. It lays no posts themselves: nothing that
idles reads one. Manifests of full runs lie in index files alone, which is where readers find them.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

from confluent_kafka import Producer

from batch_layer.archive import manifest
from batch_layer.archive.compaction import GROUP
from batch_layer.archive.manifest import Manifest, Part
from batch_layer.archive.paths import Paths
from batch_layer.storage.chunk_files.attempts import HOURS
from batch_layer.storage.chunk_files.chunk_manifest import Kind
from batch_layer.storage.chunk_files.commit_log import INDEXED
from batch_layer.storage.chunk_files.layout import Span
from batch_layer.storage.webhdfs import HdfsStore
from config.settings import Settings
from ingest.hours import HOUR_MS, Hour, wall_clock
from ingest.rule.hashtags import AS_IS
from serving.views import documents as views
from serving.views.documents import BatchView, Row, hour_document
from serving.views.store import Store

THREADS = 8
_FILE_BYTES = 400
_SINGLE = 5
"""At least so many of the last manifests of a log have a file of their own."""
_AT_ONCE = 5_000
_ROWS = tuple(Row(f"tag{number}", f"Tag{number}", 20 - number) for number in range(20))


def lay_history(settings: Settings, hours: int) -> list[Hour]:
    """Lay so many hours, the last of which is the one before this hour. Into an empty archive, database and topic."""
    last = wall_clock() // HOUR_MS
    laid = [Hour(last - hours + number) for number in range(hours)]
    with ThreadPoolExecutor(THREADS) as threads:
        for log, links in _logs(settings, laid):
            _lay_log(settings, threads, log, links)
    _lay_documents(settings, laid)
    _lay_messages(settings, hours)
    return laid


def covered(settings: Settings, hours: int) -> list[int]:
    """Where each partition ends."""
    partitions = settings.kafka.partitions
    return [len(range(partition, hours, partitions)) for partition in range(partitions)]


def _logs(settings: Settings, hours: Sequence[Hour]) -> Iterator[tuple[int, list[Manifest]]]:
    partitions, paths = settings.kafka.partitions, Paths(settings.hdfs.root, settings.kafka.posts)
    chunks = [
        _link(paths, partition, start, (_part(hour, paths.part(hour, Span(partition, start, start + 1), 1, 1)),))
        for number, hour in enumerate(hours)
        for start, partition in (divmod(number, partitions),)
    ]
    for partition in range(partitions):
        yield partition, chunks[partition::partitions]
    compactions = []
    for serial, at in enumerate(range(0, len(hours), GROUP)):
        parts = tuple(_part(hour, paths.compacted(hour, serial)) for hour in hours[at : at + GROUP])
        replaced = tuple(chunk.parts[0].path for chunk in chunks[at : at + GROUP])
        compactions.append(_link(paths, HOURS, serial, parts, replaced))
    yield HOURS, [*compactions, _link(paths, HOURS, len(compactions), purged=len(compactions))]


def _part(hour: Hour, path: str) -> Part:
    return Part(str(hour), path, 1, _FILE_BYTES, hour.start_ms, hour.end_ms - 1)


def _link(
    paths: Paths, log: int, start: int, parts: tuple[Part, ...] = (), replaces: tuple[str, ...] = (), purged: int = 0
) -> Manifest:
    kind: Kind = "chunk" if log != HOURS else "compact" if parts else "purge"
    at = parts[-1].max_at if parts else wall_clock() - HOUR_MS
    return Manifest(
        uuid=uuid4().hex, kind=kind, topic=paths.topic, partition=log, start=start, next=start + 1,
        parts=parts, replaces=replaces, purged=purged, committed_at=at,
    )  # fmt: skip


def _lay_log(settings: Settings, threads: ThreadPoolExecutor, log: int, links: Sequence[Manifest]) -> None:
    store, paths = HdfsStore(settings.hdfs), Paths(settings.hdfs.root, settings.kafka.posts)
    runs = [links[at : at + INDEXED] for at in range(0, len(links) - INDEXED + 1, INDEXED)]
    single = links[min(len(runs) * INDEXED, len(links) - _SINGLE) :]
    files = {paths.index(log, run[0].start, run[-1].next): manifest.encode(run) for run in runs}
    files |= {paths.commit(log, link.start): manifest.encode(link) for link in single}
    list(threads.map(store.put, files.keys(), files.values()))


def _lay_documents(settings: Settings, hours: Sequence[Hour]) -> None:
    ends = tuple(covered(settings, len(hours)))
    with Store(settings.mongo) as store:
        for at in range(0, len(hours), _AT_ONCE):
            documents = [dict(hour_document(_view(hour, ends))) for hour in hours[at : at + _AT_ONCE]]
            store.collection(views.HOURS).insert_many(documents, ordered=False)


def _view(hour: Hour, ends: tuple[int, ...]) -> BatchView:
    return BatchView(
        hour, _ROWS, 0, sum(row.count for row in _ROWS), len(_ROWS), 1,
        rule=AS_IS.version, run="laid", token=1, covered=ends, complete=True, dirty=False, computed_at=hour.end_ms,
    )  # fmt: skip


def _lay_messages(settings: Settings, count: int) -> None:
    producer = Producer({"bootstrap.servers": settings.kafka.bootstrap, "queue.buffering.max.messages": 2_000_000})
    for number in range(count):
        producer.produce(settings.kafka.posts, b"{}", partition=number % settings.kafka.partitions)
    producer.flush(60)
