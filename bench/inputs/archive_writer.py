"""Archive writer: chunks of posts as the archiver leaves them, without Kafka, for code that reads an archive."""

import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

from msgspec.structs import asdict

from batch_layer.archive import avro, manifest
from batch_layer.archive.manifest import Manifest, Part
from batch_layer.archive.paths import Paths
from batch_layer.storage.chunk_files.layout import Span
from batch_layer.storage.webhdfs import HdfsStore
from config.settings import Settings
from ingest.hours import Hour, Millis
from ingest.post import Post


class ArchiveWriter:
    """Writes chunks, one after the other, to each partition of an archive."""

    def __init__(self, settings: Settings) -> None:
        self.store = HdfsStore(settings.hdfs)
        self.paths = Paths(settings.hdfs.root, settings.kafka.posts)
        self._next = [0] * settings.kafka.partitions

    def add(self, partition: int, posts: Sequence[Post]) -> list[Part]:
        """Archive a chunk; a part for each of its hours."""
        start = self._next[partition]
        hours: dict[Hour, list[dict[str, object]]] = defaultdict(list)
        for offset, post in enumerate(posts, start):
            record = {**asdict(post), "partition": partition, "offset": offset}
            if post.tags is not None:
                record["tags"] = list(post.tags)  # fastavro takes a tuple for the choice of a branch
            hours[post.hour].append(record)
        end = start + len(posts) + 1  # a commit marker takes an offset

        def part(numbered: tuple[int, tuple[Hour, list[dict[str, object]]]]) -> Part:
            number, (hour, records) = numbered
            return self._part(self.paths.part(hour, Span(partition, start, end), number, len(hours)), hour, records)

        with ThreadPoolExecutor(4) as threads:
            parts = list(threads.map(part, enumerate(sorted(hours.items()), 1)))
        self.commit(partition, start, end, parts)
        self._next[partition] = end
        return parts

    def commit(self, partition: int, start: int, end: int, parts: Iterable[Part]) -> None:
        """Write the manifest that makes parts a chunk."""
        link = Manifest(
            uuid=uuid4().hex, kind="chunk", topic=self.paths.topic, partition=partition, start=start, next=end,
            parts=tuple(parts), committed_at=time.time_ns() // 1_000_000,
        )  # fmt: skip
        self.store.put(self.paths.commit(partition, start), manifest.encode(link))

    def _part(self, path: str, hour: Hour, records: list[dict[str, object]]) -> Part:
        file = avro.encode(records, "deflate")
        self.store.put(self.paths.absolute(path), file)
        times: list[Millis] = [int(str(record["created_at"])) for record in records]
        return Part(str(hour), path, len(records), len(file), min(times), max(times))
