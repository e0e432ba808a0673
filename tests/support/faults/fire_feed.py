"""A feed under fire: JSON on HDFS by day, and from its files a Hive table; and what both must hold.

The oracle reads the topic by Kafka's client, the files by WebHDFS and json, and the table by PyHive.
"""

import json
from collections import Counter
from contextlib import closing
from datetime import date
from pathlib import Path

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient
from pyhive import hive

from bench.harness import stack_settings
from config.settings import Settings
from config.settings.logins import hive_login
from tests.support.faults.invariants import WebHdfs
from tests.support.kafka import committed
from tests.support.wait import until

NAME = "fire"
PARTITIONS = 2
DAY = 200
"""Records of one day."""
FROM_S, FIRST = 1_700_391_600, date(2023, 11, 19)
"""The first moment, 11:00 UTC, and its day."""
ROOT = "/fire/files"
POISON_EVERY = 97
Rows = Counter[tuple[int, int, int]]
"""Partition, offset and number of each row."""
_FILE = """
about = "Records by day, as files, and in a table"
[source]
type = "file"
path = "nobody-runs-it.json"
format = "json"
at = "at"
[topic]
name = "{topic}"
partitions = 2
[columns]
kafka_partition = {{ from = "$partition", type = "int" }}
kafka_offset = {{ from = "$offset", type = "bigint" }}
n = {{ from = "n", type = "int" }}
value = {{ from = "$value", type = "json" }}
[sinks.files]
type = "hdfs"
root = "{root}"
format = "json"
by = "day"
files = "fire"
packet = {{ messages = 1000, after = "0.5s" }}
[sinks.table]
type = "hive"
from = "files"
table = "fire"
by = "day"
packet = {{ messages = 1000, after = "0.5s" }}
"""


def value(number: int) -> bytes:
    """A record; one now and then is no JSON."""
    if number % POISON_EVERY == 0:
        return b"{no JSON"
    return json.dumps({"n": number, "at": FROM_S + number // DAY * 86_400, "text": "\u00e9 'quoted'"}).encode()


def declare(base: Path, folder: Path, topic: str) -> Path:
    """The feed's file in a folder, and settings that find it."""
    feeds = folder / "feeds"
    feeds.mkdir()
    (feeds / f"{NAME}.toml").write_text(_FILE.format(topic=topic, root=ROOT))
    return stack_settings.override(
        base, folder / "direct.toml", {"feeds": {"folder": str(feeds)}, "hive": {"database": NAME}}
    )


def sent_rows(settings: Settings, topic: str) -> tuple[Rows, int]:
    """The rows that every sink must hold, and how many records are no JSON."""
    messages = committed(settings.kafka.bootstrap, topic)
    good = [each for each in messages if not (each.value() or b"").startswith(b"{no")]
    rows = [(each.partition() or 0, each.offset() or 0, json.loads(each.value() or b"")["n"]) for each in good]
    return Counter(rows), len(messages) - len(good)


def file_rows(settings: Settings, foreign: set[str]) -> Rows:
    """The rows of all files that a listing shows, but for those of others. Each lies in the folder of its day."""
    hdfs, found = WebHdfs(settings.hdfs.url), Rows()
    for day in (name for name in hdfs.names(ROOT) if name.startswith("dt=")):
        for path in set(hdfs.below(f"{ROOT}/{day}")) - foreign:
            rows = [json.loads(line) for line in hdfs.read(path).splitlines()]
            assert {row["n"] // DAY for row in rows} == {day_number(day)}, path
            found.update((row["kafka_partition"], row["kafka_offset"], row["n"]) for row in rows)
    return found


def day_number(folder: str) -> int:
    """Days since the first one, from the name of a folder."""
    return (date.fromisoformat(folder.removeprefix("dt=")) - FIRST).days


def table_rows(settings: Settings) -> Rows:
    """The rows that Hive gives."""
    login = hive_login(settings)
    connection = hive.connect(login["host"], login["port"], "anybody", database=settings.hive.database)
    with closing(connection):
        cursor = connection.cursor()
        cursor.execute("SELECT kafka_partition, kafka_offset, n, get_json_object(value, '$.n') FROM fire")
        rows = cursor.fetchall()
    assert all(int(text) == number for _, _, number, text in rows)
    return Counter((partition, offset, number) for partition, offset, number, _ in rows)


def spoil_group(settings: Settings, topic: str, group: str) -> None:
    """Set the offsets of a group whose members are dead far behind the last record."""
    admin = AdminClient({"bootstrap.servers": settings.kafka.bootstrap})
    ends = [TopicPartition(topic, number, 1 << 40) for number in range(PARTITIONS)]

    def moved() -> bool:
        asked = ConsumerGroupTopicPartitions(group, ends)
        try:
            (answer,) = admin.alter_consumer_group_offsets([asked]).values()
            return all(each.error is None for each in answer.result(20).topic_partitions)
        except KafkaException:  # its members are not yet taken for dead
            return False

    until(moved, f"the group {group} has members", 60)
