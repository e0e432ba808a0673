"""Files of a feed on real Kafka and HDFS: each record once, whatever dies and whenever. json and pyarrow read back."""

import json
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from confluent_kafka import Producer

from batch_layer.feeds.feed_verify import verify_feed
from batch_layer.sinks.contract import Place
from batch_layer.sinks.stages import FeedStage, open_place
from batch_layer.storage.webhdfs import HdfsStore
from bench.harness import stack_settings
from config.errors import TrendsError
from config.settings import Settings
from ingest.feeds.declaration.model import NamedFeed
from ingest.kafka.topics import create_topics, log_topic
from tests.support.feed_files import feed_of, hdfs_sink
from tests.support.wait import until

PARTITIONS = 2
DAY_MS = 86_400_000
NOV_20 = 1_700_438_400_000
SOURCE = {"type": "file", "path": "x.json", "format": "json", "at": "at"}
"""It says where the event time is. Nobody runs it."""
STEPS = ["write", "upload", "commit", "place"]
KILLED = """
import os, signal, sys, threading, json
from batch_layer.sinks.stages import FeedStage
from config.settings import Settings
from ingest.feeds.declaration.model import Feed, NamedFeed
feed = NamedFeed("test", Feed.model_validate_json(sys.argv[1]))
def die(step):
    if step == sys.argv[3]:
        os.kill(os.getpid(), signal.SIGKILL)
FeedStage(Settings.read(), feed, sys.argv[2], after_step=die).run(True, threading.Event(), lambda _: None)
"""


class Files:
    """A feed of two stages: files in one format, and a copy of them in the other."""

    def __init__(self, settings: Settings, file: Path, **more: Any) -> None:
        self.settings, self.file = settings, file
        self.topic = f"feed-{uuid.uuid4().hex[:10]}"
        create_topics(settings.kafka, [log_topic(settings.kafka, self.topic, PARTITIONS, 7 * DAY_MS, 1_000_000)])
        root = f"{settings.hdfs.root}/feed"
        first = hdfs_sink(root=f"{root}/first", **more)
        copy = hdfs_sink(root=f"{root}/copy", format="parquet", **{"from": "first"})
        self.declared = {"first": first, "copy": copy}

    @property
    def feed(self) -> NamedFeed:
        return feed_of(self.declared, self.topic, PARTITIONS, source=SOURCE)

    def send(self, values: Sequence[bytes]) -> None:
        """Alternately to the partitions."""
        producer = Producer({"bootstrap.servers": self.settings.kafka.bootstrap})
        for number, value in enumerate(values):
            producer.produce(self.topic, value, partition=number % PARTITIONS)
        assert producer.flush(30) == 0

    def drain(self, sink: str = "first") -> None:
        FeedStage(self.settings, self.feed, sink).run(True, threading.Event(), lambda _: None)

    def kill(self, sink: str, step: str) -> None:
        """Run a stage that kills itself behind a step."""
        declared = self.feed.declaration.model_dump_json(by_alias=True, exclude_defaults=True)
        done = subprocess.run(
            [sys.executable, "-c", KILLED, declared, sink, step],
            check=False,
            env=stack_settings.environment(self.file),
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == -signal.SIGKILL, done.stderr

    def place(self, sink: str = "first") -> Place:
        return open_place(self.settings, self.feed, sink)

    def oracle(self, sink: str) -> Counter[tuple[int, int, str]]:
        """Partition, offset and value of each row that a listing shows, by the libraries alone."""
        found: Counter[tuple[int, int, str]] = Counter()
        for path, raw in self.visible(sink).items():
            if path.endswith(".json"):
                rows = [json.loads(line) for line in raw.splitlines()]
                found.update((row["kafka_partition"], row["kafka_offset"], plain(row["value"])) for row in rows)
            else:
                rows = pq.read_table(BytesIO(raw)).to_pylist()
                texts = ((row["kafka_partition"], row["kafka_offset"], row["value"]) for row in rows)
                found.update((partition, offset, plain(json.loads(text))) for partition, offset, text in texts)
        return found

    def visible(self, sink: str) -> dict[str, bytes]:
        store, root = HdfsStore(self.settings.hdfs), self.declared[sink]["root"]
        days = [entry.name for entry in store.entries(root) if not entry.name.startswith("_")]
        paths = [f"{root}/{day}/{entry.name}" for day in days for entry in store.entries(f"{root}/{day}")]
        return {path: store.get(path) or b"" for path in paths}


def plain(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def values(count: int) -> list[bytes]:
    """Records of two days."""
    days = [(NOV_20 + number // PARTITIONS % 2 * DAY_MS) // 1000 for number in range(count)]
    records = [{"n": number, "text": "é\u2028 'quote'", "at": day} for number, day in enumerate(days)]
    return [json.dumps(record).encode() for record in records]


def expected(sent: Sequence[bytes]) -> Counter[tuple[int, int, str]]:
    return Counter(
        (number % PARTITIONS, number // PARTITIONS, plain(json.loads(value))) for number, value in enumerate(sent)
    )


@pytest.fixture(params=["json", "parquet"])
def files(settings: Settings, settings_file: Path, request: pytest.FixtureRequest) -> Files:
    return Files(settings, settings_file, format=request.param)


def test_killed_behind_any_step_each_record_is_in_a_file_once(files: Files) -> None:
    sent: list[bytes] = []
    for step in STEPS:
        more = values(20)
        sent += more
        files.send(more)
        files.kill("first", step)
    files.drain()
    assert files.oracle("first") == expected_in_rounds(sent, len(STEPS))
    assert {path.split("/")[-2] for path in files.visible("first")} == {"dt=2023-11-20", "dt=2023-11-21"}
    for sink in ("first", "copy"):
        if sink == "copy":
            files.kill("copy", "upload")
            files.kill("copy", "commit")
            files.drain("copy")
        standings = files.place(sink).standings()
        assert {partition: (each.position, each.kept) for partition, each in standings.items()} == {
            0: (40, 40),
            1: (40, 40),
        }
        assert [list(files.place(sink).offsets(partition)) for partition in (0, 1)] == [list(range(40))] * 2
        assert files.oracle(sink) == files.oracle("first")
        store = HdfsStore(files.settings.hdfs)
        assert store.entries(f"{files.declared[sink]['root']}/_tmp") == [], "an orphan is left"


def expected_in_rounds(sent: Sequence[bytes], rounds: int) -> Counter[tuple[int, int, str]]:
    """Each round begins at partition 0 again."""
    size = len(sent) // rounds
    found: Counter[tuple[int, int, str]] = Counter()
    for start in range(0, len(sent), size):
        for (partition, offset, value), times in expected(sent[start : start + size]).items():
            found[partition, offset + start // PARTITIONS, value] += times
    return found


def test_a_packet_is_exactly_so_many_messages(settings: Settings, settings_file: Path) -> None:
    files = Files(settings, settings_file, by="none", packet={"messages": 31, "after": "1h"})
    files.send(values(2_000))
    files.drain()
    names = [entry.name for entry in HdfsStore(settings.hdfs).entries(files.declared["first"]["root"])]
    spans = [name.split("+")[1:3] for name in names if name.startswith("weather_0+")]
    assert [int(end) - int(start) for start, end in spans] == [31] * 32 + [8]
    assert [each.kept for each in files.place().standings().values()] == [1_000, 1_000]


def test_what_is_no_json_is_a_reject_and_files_of_others_stay(files: Files) -> None:
    good = b'{"at": 1700438400}'
    sent = [good, b"no JSON", b"\xff\xfe", b"", b"'; DROP TABLE x", b"[1, 2]", b'{"at": 1e300}', good]
    files.send(sent)
    files.drain()
    standings = files.place().standings()
    assert sum(each.kept for each in standings.values()) == 2
    assert sum(each.rejected for each in standings.values()) == 6
    root = files.declared["first"]["root"]
    store = HdfsStore(files.settings.hdfs)
    store.put(f"{root}/dt=2023-11-20/theirs.txt", b"x")
    place = files.place()
    files.drain("copy")
    first, copy = verify_feed(files.settings, files.feed)
    (wrong,) = first.wrong
    assert wrong.startswith(f"{root}/dt=2023-11-20/theirs.txt: no manifest names")
    assert (copy.accepted, copy.kept, copy.wrong) == (2, 2, ())
    files.place("copy").clear()
    place.clear()
    assert list(files.visible("first")) == [f"{root}/dt=2023-11-20/theirs.txt"]
    store.delete(f"{root}/dt=2023-11-20/theirs.txt")
    files.drain()
    assert sum(each.kept for each in files.place().standings().values()) == 2


def test_two_stages_at_once_write_each_record_once(files: Files) -> None:
    files.declared["first"]["packet"] = {"messages": 50, "after": "1s"}
    files.declared["copy"]["packet"] = {"messages": 20, "after": "1s"}
    stop = threading.Event()
    errors: list[BaseException] = []

    def work(sink: str) -> None:
        try:
            FeedStage(files.settings, files.feed, sink).run(False, stop, lambda _: None)
        except TrendsError as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(sink,)) for sink in ("first", "first", "copy", "copy")]
    for thread in threads:
        thread.start()
    try:
        sent: list[bytes] = []
        for _ in range(10):
            more = values(100)
            sent += more
            files.send(more)
            time.sleep(0.3)

        def kept() -> int:
            return sum(each.kept for each in files.place("copy").standings().values())

        until(lambda: kept() == 1_000 or bool(errors), lambda: (kept(), errors), 90)
    finally:
        stop.set()
        for thread in threads:
            thread.join(60)
    assert errors == []
    assert files.oracle("first") == files.oracle("copy") == expected_in_rounds(sent, 10)
