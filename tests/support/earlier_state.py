"""State of an earlier version, kept as files (tests/fixtures), put back into HDFS, MongoDB and Kafka.

Only public protocols are used, so these files are loaded alike whatever becomes of the project's own code.
"""

import gzip
import json
import tarfile
import time
import urllib.request
from base64 import b64decode
from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from bson import json_util
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewTopic, ResourceType
from pymongo import MongoClient

from config.settings import Settings

ANSWER_S = 30
BEFORE_DELETION = {"retention.ms": "-1", "message.timestamp.type": "CreateTime"}
"""Messages keep the times that they had, and are not deleted for them."""


class Record(NamedTuple):
    """A message of an earlier Kafka."""

    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes | None]]


def load(folder: Path, settings: Settings) -> None:
    """Put everything back under the names that the settings have."""
    _load_hdfs(folder / "hdfs.tar.gz", settings)
    _load_mongo(folder, settings)
    for topic in _topics(settings):
        _load_topic(folder / f"kafka.{topic.partition('-')[0]}.jsonl.gz", settings, topic)


def clear(settings: Settings) -> None:
    """Delete the topics, the database and the folder of these settings, if there are any."""
    admin = AdminClient({"bootstrap.servers": settings.kafka.bootstrap})
    there = [topic for topic in _topics(settings) if topic in admin.list_topics(timeout=ANSWER_S).topics]
    for answer in admin.delete_topics(there).values() if there else ():
        answer.result()
    deadline = time.monotonic() + ANSWER_S
    while set(there) & set(admin.list_topics(timeout=ANSWER_S).topics):
        assert time.monotonic() < deadline, "topics are not deleted"
        time.sleep(0.1)
    with MongoClient[dict[str, Any]](settings.mongo.uri.get_secret_value()) as client:
        client.drop_database(settings.mongo.database)
    _ask_hdfs(settings, "DELETE", settings.hdfs.root, "DELETE", recursive="true")


def _topics(settings: Settings) -> list[str]:
    return [settings.kafka.posts, settings.kafka.hashtags, settings.kafka.rejects, settings.kafka.cursors]


def _load_hdfs(file: Path, settings: Settings) -> None:
    with tarfile.open(file) as tar:
        for each in tar:
            path = f"{settings.hdfs.root}/{each.name}"
            if each.isdir():
                _ask_hdfs(settings, "PUT", path, "MKDIRS")
                continue
            content = tar.extractfile(each)
            assert content
            place = _ask_hdfs(settings, "PUT", path, "CREATE", noredirect="true")["Location"]
            with urllib.request.urlopen(urllib.request.Request(place, content.read(), method="PUT")) as answer:
                assert answer.status == 201
            _ask_hdfs(settings, "PUT", path, "SETTIMES", modificationtime=str(int(each.mtime * 1000)))


def _ask_hdfs(settings: Settings, method: str, path: str, operation: str, **options: str) -> Any:
    query = "".join(f"&{name}={value}" for name, value in options.items())
    url = f"{settings.hdfs.url}/webhdfs/v1{quote(path)}?op={operation}&user.name={settings.hdfs.user}{query}"
    with urllib.request.urlopen(urllib.request.Request(url, method=method)) as answer:
        return json.loads(answer.read() or b"{}")


def _load_mongo(folder: Path, settings: Settings) -> None:
    with MongoClient[dict[str, Any]](settings.mongo.uri.get_secret_value(), tz_aware=True) as client:
        for file in sorted(folder.glob("mongo.*.jsonl")):
            collection = client[settings.mongo.database][file.name.split(".")[1]]
            about, *documents = map(json_util.loads, file.read_text(encoding="utf-8").splitlines())
            collection.database.create_collection(collection.name)
            for index in about["indexes"]:
                collection.create_index([tuple(part) for part in index.pop("key")], **index)
            if documents:
                collection.insert_many(documents)


def _load_topic(file: Path, settings: Settings, topic: str) -> None:
    """Make a topic whose messages have the offsets, the times and the transactions that they had."""
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        about, *rows = map(json.loads, lines)
    partitions = about["partitions"]
    admin = AdminClient({"bootstrap.servers": settings.kafka.bootstrap})
    policy = "compact" if topic == settings.kafka.cursors else "delete"
    config = BEFORE_DELETION | {"cleanup.policy": policy}
    for answer in admin.create_topics([NewTopic(topic, len(partitions), 1, config=config)]).values():
        answer.result()
    records = [
        Record(number, offset, timestamp, _decode(key), _decode(value), [(name, _decode(head)) for name, head in heads])
        for number, offset, timestamp, key, value, heads in rows
    ]
    for number, part in enumerate(partitions):
        _fill(settings, topic, number, [each for each in records if each.partition == number], part)
        if part["low"]:
            for answer in admin.delete_records([TopicPartition(topic, number, part["low"])]).values():
                answer.result()
    clock = ConfigEntry("message.timestamp.type", "LogAppendTime", incremental_operation=AlterConfigOpType.SET)
    changed = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[clock])
    for answer in admin.incremental_alter_configs([changed]).values():
        answer.result()
    if about["group"]:
        _acknowledge(settings, topic, about["group"], [part["acknowledged"] for part in partitions])


def _decode(value: str | None) -> bytes | None:
    return None if value is None else b64decode(value)


def _fill(settings: Settings, topic: str, partition: int, records: list[Record], part: dict[str, int]) -> None:
    """Write a partition up to its end: what lies below its first offset, then a transaction for each that there was."""
    config = {"bootstrap.servers": settings.kafka.bootstrap}
    plain = Producer(config | {"enable.idempotence": True})  # else a retry, of a leader just chosen, changes the order
    for offset in range(part["low"]):
        _produce(plain, topic, Record(partition, offset, -1, None, b"deleted", []))
    plain.flush(ANSWER_S)
    in_transactions = Producer(config | {"transactional.id": f"earlier-{topic}-{partition}"})
    in_transactions.init_transactions(ANSWER_S)
    for run, ended in _runs(records, part["low"], part["end"]):
        if ended:
            in_transactions.begin_transaction()
        for record in run:
            _produce(in_transactions if ended else plain, topic, record)
        if ended:
            in_transactions.commit_transaction(ANSWER_S)
        plain.flush(ANSWER_S)
    consumer = Consumer(config | {"group.id": "ends"})
    with closing(consumer):
        deadline = time.monotonic() + ANSWER_S
        while consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=ANSWER_S)[1] != part["end"]:
            assert time.monotonic() < deadline, f"{topic}/{partition} does not end at {part['end']}"


def _runs(records: list[Record], low: int, end: int) -> Iterator[tuple[list[Record], bool]]:
    """Messages without a hole between them, and whether one offset follows that no message has: a transaction's end."""
    run: list[Record] = []
    for record, then in pairwise([*records, None]):
        assert record
        assert run or record.offset == low
        run.append(record)
        following = end if then is None else then.offset
        assert following - record.offset in {1, 2}, f"what is at {record.offset + 1}?"
        low = following
        if following == record.offset + 2 or then is None:
            yield run, following == record.offset + 2
            run = []


def _produce(producer: Producer, topic: str, record: Record) -> None:
    def on_delivery(error: Any, message: Any) -> None:
        assert error is None, error
        assert message.offset() == record.offset, f"{topic}: at {message.offset()}, not {record.offset}"

    timestamp = {} if record.timestamp < 0 else {"timestamp": record.timestamp}
    producer.produce(
        topic, record.value, record.key, record.partition, on_delivery, headers=record.headers, **timestamp
    )


def _acknowledge(settings: Settings, topic: str, group: str, offsets: list[int | None]) -> None:
    """Commit what the group of that version had committed."""
    with closing(Consumer({"bootstrap.servers": settings.kafka.bootstrap, "group.id": group})) as consumer:
        places = [TopicPartition(topic, number, offset) for number, offset in enumerate(offsets) if offset is not None]
        consumer.commit(offsets=places, asynchronous=False)
