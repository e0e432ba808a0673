"""Laying: an archive of many posts as archiver and compaction leave it, without sending them through Kafka.

One file an hour, written hour by hour, so the hour with most posts bounds the memory.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

from msgspec.structs import asdict

from batch_layer.archive import avro
from batch_layer.archive.manifest import Part
from batch_layer.archive.reading.ledger import Ledger
from batch_layer.storage.chunk_files.layout import Span
from bench.inputs.archive_writer import ArchiveWriter
from bench.inputs.posts import COPY_EVERY_MS, copy_of
from config.settings import Settings
from ingest.hours import HOUR_MS, Hour
from ingest.post import Post
from ingest.rule.hashtags import AS_IS

THREADS = 4
Counts = dict[int, Counter[str]]
"""For each hour, by its serial, the uses of its tags."""


def lay(settings: Settings, base: Sequence[Post], count: int) -> None:
    """Write so many posts (`posts.copies`) into an empty archive."""
    writer = ArchiveWriter(settings)
    store, paths = writer.store, writer.paths
    span = Span(0, 0, count + 1)  # a commit marker takes an offset
    hours = len({post.hour for _, posts in by_hour(base, count) for post in posts[:1]})
    parts: list[Part] = []
    with ThreadPoolExecutor(THREADS) as threads:
        puts = []
        offset = 0
        for number, (hour, posts) in enumerate(by_hour(base, count), 1):
            records = [asdict(post) | {"partition": 0, "offset": offset + place} for place, post in enumerate(posts)]
            offset += len(records)
            file = avro.encode(records, settings.archive.codec)
            path = paths.part(hour, span, number, hours)
            puts.append(threads.submit(store.put, paths.absolute(path), file))
            times = [post.created_at for post in posts]
            parts.append(Part(str(hour), path, len(posts), len(file), min(times), max(times)))
        for put in puts:
            put.result()
    writer.commit(0, 0, span.next, parts)


def by_hour(base: Sequence[Post], count: int) -> Iterator[tuple[Hour, list[Post]]]:
    """The posts of `posts.copies` hour by hour, hours ascending. Copies must stay within an hour of their post."""
    hours: dict[int, list[tuple[int, Post]]] = defaultdict(list)
    for place, post in enumerate(base):
        hours[post.created_at // HOUR_MS].append((place, post))
    if -(-count // len(base)) * COPY_EVERY_MS > HOUR_MS:
        raise ValueError(f"{count} posts are more than an hour's worth of copies")
    for serial in sorted({*hours, *(hour + 1 for hour in hours)}):
        near = [*hours.get(serial - 1, ()), *hours.get(serial, ())]
        found = [
            copy_of(post, copy)
            for place, post in near
            for copy in range(-(-(count - place) // len(base)))
            if (post.created_at + copy * COPY_EVERY_MS) // HOUR_MS == serial
        ]
        if found:
            yield Hour(serial), found


def plain_counts(base: Sequence[Post], count: int) -> Counts:
    """The uses of `posts.copies` by hour and tag, counted the plain way."""
    found: Counts = defaultdict(Counter)
    for place, post in enumerate(base):
        tags = list(AS_IS.tags(post.text, post.tags))
        for copy in range(-(-(count - place) // len(base))) if tags else ():
            found[(post.created_at + copy * COPY_EVERY_MS) // HOUR_MS].update(tags)
    return found


def local_copies(ledger: Ledger, folder: Path) -> None:
    """The archive's files on a local disk, for readers that know no HDFS."""

    def copy(part: Part) -> None:
        (folder / f"{part.hour}-{uuid4().hex}.avro").write_bytes(ledger.store.get(part.path) or b"")

    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(copy, [part for hour in ledger.hours() for part in ledger.parts(hour)]))
