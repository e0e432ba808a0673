"""Kafka to Avro files by hour on a local disk, the plain way: consume, gather, write. No commit, no recovery."""

import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import fastavro
from confluent_kafka import Consumer, KafkaError, TopicPartition
from msgspec.structs import asdict

from batch_layer.archive.manifest import SCHEMA_PATH
from bench.harness.subprocess_run import Ran, clocked
from ingest.hours import HOUR_MS
from ingest.wire import decode_post

AT_ONCE = 200_000
"""Posts gathered before a write."""


def archive(bootstrap: str, topic: str, folder: str) -> Ran:
    """Everything that is in the topic, as files in a folder an hour."""
    return clocked(_archive, bootstrap, topic, Path(folder))


def _archive(bootstrap: str, topic: str, folder: Path) -> None:
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": f"bench-{uuid.uuid4().hex}",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
        }
    )
    schema = fastavro.schema.load_schema(SCHEMA_PATH)
    partitions = consumer.list_topics(topic, timeout=30).topics[topic].partitions
    consumer.assign([TopicPartition(topic, number, 0) for number in partitions])
    hours: dict[int, list[dict[str, Any]]] = defaultdict(list)
    held, ended = 0, 0
    while ended < len(partitions):
        for message in consumer.consume(10_000, 0.1):
            if message.error() is not None:
                ended += message.error().code() == KafkaError._PARTITION_EOF  # noqa: SLF001 - its name
                continue
            record = asdict(decode_post(message.value()))
            record["tags"] = None if record["tags"] is None else list(record["tags"])
            record |= {"partition": message.partition(), "offset": message.offset()}
            hours[record["created_at"] // HOUR_MS].append(record)
            held += 1
        if held >= AT_ONCE:
            _write(hours, schema, folder)
            held = 0
    _write(hours, schema, folder)
    consumer.close()


def _write(hours: dict[int, list[dict[str, Any]]], schema: Any, folder: Path) -> None:
    for hour, records in hours.items():
        place = folder / str(hour)
        place.mkdir(exist_ok=True)
        with (place / f"{uuid.uuid4().hex}.avro").open("wb") as file:
            fastavro.writer(file, schema, records, codec="deflate", sync_interval=64_000)
    hours.clear()


def ids(files: Iterable[Path]) -> "Counter[tuple[int, str]]":
    """How often each post is there, by the hour in whose folder it is."""
    found: Counter[tuple[int, str]] = Counter()
    for path in files:
        with path.open("rb") as file:
            found.update((int(path.parent.name), record["id"]) for record in fastavro.reader(file))
    return found
