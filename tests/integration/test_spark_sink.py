"""Files of a feed that Spark writes, on real Kafka and HDFS: each record once, and the rows that Python would write."""

import json
import shutil
import signal
import subprocess
import sys
import threading
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewPartitions

from batch_layer.delivery.chunk import Bounds
from batch_layer.delivery.start_line import SKIPPED
from batch_layer.sinks.contract import Standing
from batch_layer.sinks.registry import kind_of
from batch_layer.sinks.spark_files.partition_task import COLUMNS, Plan, Receipts, decode_outcome, run_task
from batch_layer.sinks.stages import FeedStage, make_stage, open_place
from batch_layer.spark.streaming import streaming_session
from batch_layer.storage.chunk_files.file_sink import FileWriter
from batch_layer.storage.webhdfs import HdfsStore
from bench.harness import stack_settings
from config.errors import TrendsError
from config.settings import Settings
from ingest.feeds.declaration.catalog import SHIPPED
from ingest.feeds.declaration.load import FeedFile
from ingest.feeds.declaration.model import NamedFeed
from ingest.kafka.topic_ids import OtherTopicError
from ingest.kafka.topics import create_topics, log_topic
from tests.support.faults.network import Link, port_in_kafka
from tests.support.faults.processes import kill
from tests.support.feed_files import feed_of, hdfs_sink
from tests.support.wait import until

PARTITIONS = 2
WEEK_MS = 604_800_000
NOV_20 = 1_700_438_400_000
KILLED = """
import os, signal, sys, threading
from batch_layer.sinks.stages import FeedStage
from config.settings import Settings
from ingest.feeds.declaration.model import Feed, NamedFeed
feed = NamedFeed("test", Feed.model_validate_json(sys.argv[1]))
def die(step):
    if step == sys.argv[2]:
        os.kill(os.getpid(), signal.SIGKILL)
FeedStage(Settings.read(), feed, "spark", after_step=die).run(True, threading.Event(), lambda _: None)
"""


@pytest.fixture(scope="module", autouse=True)
def session(stack: Settings) -> Iterator[None]:
    """One session of Spark for all tests here."""
    with streaming_session(stack):
        yield


class Engines:
    """A feed with two sinks of the same declaration, one for each engine."""

    def __init__(self, settings: Settings, file: Path | None = None, **more: Any) -> None:
        self.settings, self.file = settings, file
        self.topic = f"feed-{uuid.uuid4().hex[:10]}"
        create_topics(settings.kafka, [log_topic(settings.kafka, self.topic, PARTITIONS, WEEK_MS, 1_000_000)])
        self.sinks = {
            engine: hdfs_sink(root=f"{settings.hdfs.root}/{engine}", engine=engine, format="parquet", **more)
            for engine in ("python", "spark")
        }
        self.sent: list[bytes] = []

    @property
    def feed(self) -> NamedFeed:
        return feed_of(self.sinks, self.topic, PARTITIONS)

    def send(self, values: Sequence[bytes], *, commit: bool = True, partitions: int = PARTITIONS) -> None:
        """One transaction: alternately to the partitions."""
        options = {"bootstrap.servers": self.settings.kafka.bootstrap, "transactional.id": uuid.uuid4().hex}
        producer = Producer(options)
        producer.init_transactions(30)
        producer.begin_transaction()
        for number, value in enumerate(values):
            producer.produce(self.topic, value, b"key", partition=number % partitions)
        producer.flush(30)
        if commit:
            producer.commit_transaction(30)
            self.sent += values
        else:
            producer.abort_transaction(30)

    def drain(self, engine: str = "spark") -> None:
        FeedStage(self.settings, self.feed, engine).run(True, threading.Event(), lambda _: None)

    def standings(self, engine: str = "spark") -> dict[int, Standing]:
        return open_place(self.settings, self.feed, engine).standings()

    def rows(self, engine: str = "spark") -> Counter[str]:
        """Each row of each file that a listing shows, by the libraries alone."""
        return rows_below(self.settings, self.sinks[engine]["root"])

    def await_all(self) -> None:
        until(lambda: sum(each.kept for each in self.standings().values()) == len(self.sent), self.standings)

    def recreate_topic(self) -> None:
        admin = AdminClient({"bootstrap.servers": self.settings.kafka.bootstrap})
        admin.delete_topics([self.topic])[self.topic].result(30)
        until(lambda: self.topic not in admin.list_topics(timeout=10).topics, "it is still there")
        create_topics(self.settings.kafka, [log_topic(self.settings.kafka, self.topic, PARTITIONS, WEEK_MS, 1_000_000)])

    def values(self) -> Counter[str]:
        return plain(json.loads(row)["value"] for row in self.rows().elements())

    def kill(self, step: str) -> None:
        """Run a stage that kills itself behind a step."""
        assert self.file is not None
        declared = self.feed.declaration.model_dump_json(by_alias=True, exclude_defaults=True)
        done = subprocess.run(
            [sys.executable, "-c", KILLED, declared, step],
            check=False,
            env=stack_settings.environment(self.file),
            capture_output=True,
            text=True,
            timeout=200,
        )
        assert done.returncode == -signal.SIGKILL, done.stderr


def rows_below(settings: Settings, root: str) -> Counter[str]:
    store = HdfsStore(settings.hdfs)
    days = [entry.name for entry in store.entries(root) if not entry.name.startswith("_")]
    paths = [f"{root}/{day}/{entry.name}" for day in days for entry in store.entries(f"{root}/{day}")]
    return Counter(
        json.dumps({**row, "folder": path.split("/")[-2]}, default=str, sort_keys=True)
        for path in paths
        for row in pq.read_table(BytesIO(store.get(path) or b""), partitioning=None).to_pylist()
    )


def plain(values: Iterable[str | bytes]) -> Counter[str]:
    return Counter(json.dumps(json.loads(value), sort_keys=True) for value in values)


def records(count: int, name: str = "n") -> list[bytes]:
    return [
        json.dumps({name: number, "text": "\u00e9 'quote'"}, separators=(",", ":")).encode() for number in range(count)
    ]


def test_both_engines_write_equal_rows_and_count_alike(settings: Settings) -> None:
    engines = Engines(settings, where={"true": "n != `7`"}, packet={"messages": 100, "after": "1s"})
    engines.send([*records(60), b"no JSON", b"\xff\xfe", b"", b"[1, 2]"])
    engines.send(records(40, "aborted"), commit=False)
    engines.send(records(60, "later"))
    for engine in engines.sinks:
        engines.drain(engine)
    assert engines.rows("spark") == engines.rows("python")
    assert set(engines.rows().values()) == {1}
    assert not [row for row in engines.rows() if "aborted" in row]
    counts = {
        engine: {
            number: (each.position, each.kept, each.rejected, each.left_out)
            for number, each in engines.standings(engine).items()
        }
        for engine in engines.sinks
    }
    assert counts["spark"] == counts["python"]
    assert sum(kept + rejected + out for _, kept, rejected, out in counts["spark"].values()) == len(engines.sent)


def test_a_running_stage_needs_no_checkpoint(settings: Settings, stack: Settings) -> None:
    engines = Engines(settings, packet={"messages": 1_000, "after": "1s"})
    scratch = Path(settings.stack.state) / "tmp"
    stop = threading.Event()
    stage = FeedStage(settings, engines.feed, "spark")
    thread = threading.Thread(target=lambda: stage.run(False, stop, lambda _: None))
    thread.start()
    try:
        for name in ("one", "two", "three"):
            engines.send(records(10, name))
            engines.await_all()
            checkpoints = list(scratch.glob("checkpoint-*"))
            assert checkpoints, "no checkpoint to delete"
            for checkpoint in checkpoints:
                shutil.rmtree(checkpoint)
    finally:
        stop.set()
        thread.join(60)
    assert not thread.is_alive()
    assert engines.values() == plain(engines.sent)
    assert list(scratch.glob("checkpoint-*")) == []


@pytest.fixture(params=["Kafka", "HDFS"])
def by_link(settings: Settings, request: pytest.FixtureRequest) -> Iterator[tuple[Settings, Link]]:
    """The settings, with one server behind a link."""
    if request.param == "HDFS":
        with Link(urlsplit(settings.hdfs.url).port or 0, "namenode") as link:
            hdfs = settings.hdfs.model_copy(update={"url": f"http://127.0.0.1:{link.port}", "timeout_s": 3})
            yield settings.model_copy(update={"hdfs": hdfs}), link
    else:
        port = int(settings.kafka.bootstrap.rpartition(":")[2])
        with Link(port, "broker") as link:
            link.rewrite(port_in_kafka(port, link.port))
            kafka = settings.kafka.model_copy(update={"bootstrap": f"127.0.0.1:{link.port}"})
            yield settings.model_copy(update={"kafka": kafka}), link


@pytest.mark.long
def test_a_stage_waits_for_a_server_that_is_away_and_says_so(
    settings: Settings, by_link: tuple[Settings, Link]
) -> None:
    engines = Engines(settings, packet={"messages": 1_000, "after": "1s"})
    stop, reports = threading.Event(), list[TrendsError | None]()
    through, link = by_link
    stage = FeedStage(through, engines.feed, "spark")
    thread = threading.Thread(target=lambda: stage.run(False, stop, reports.append))
    thread.start()
    try:
        engines.send(records(10, "before"))
        engines.await_all()
        with link.cut():
            engines.send(records(10, "during"))
            until(lambda: reports, "no report")
            assert reports[0] is not None
            assert reports[0].retriable
        engines.await_all()
        until(lambda: reports[-1] is None, lambda: reports)
        engines.send(records(10, "behind"))
        engines.await_all()
    finally:
        stop.set()
        thread.join(60)
    assert not thread.is_alive()
    assert engines.values() == plain(engines.sent)


def test_two_stages_at_once_write_each_record_once(settings: Settings) -> None:
    engines = Engines(settings, packet={"messages": 40, "after": "1s"})
    engines.send(records(160))
    threads = [threading.Thread(target=engines.drain) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(200)
        assert not thread.is_alive()
    assert engines.values() == plain(engines.sent)
    assert sum(each.kept for each in engines.standings().values()) == len(engines.sent)


@pytest.mark.long
def test_a_running_stage_takes_up_a_partition_that_is_added(settings: Settings) -> None:
    engines = Engines(settings, packet={"messages": 1_000, "after": "1s"})
    stop, reports = threading.Event(), list[TrendsError | None]()
    stage = FeedStage(settings, engines.feed, "spark")
    thread = threading.Thread(target=lambda: stage.run(False, stop, reports.append))
    thread.start()
    try:
        engines.send(records(10, "before"))
        engines.await_all()
        admin = AdminClient({"bootstrap.servers": settings.kafka.bootstrap})
        admin.create_partitions([NewPartitions(engines.topic, PARTITIONS + 1)])[engines.topic].result(30)
        until(lambda: len(admin.list_topics(timeout=10).topics[engines.topic].partitions) > PARTITIONS)
        engines.send(records(10, "behind"), partitions=PARTITIONS + 1)
        engines.await_all()
    finally:
        stop.set()
        thread.join(60)
    assert not thread.is_alive()
    assert engines.values() == plain(engines.sent)
    assert engines.standings().keys() == {0, 1, 2}
    assert not [report for report in reports if report], "it waited for nobody"


@pytest.mark.long
def test_a_stage_outlives_the_jvm_of_spark(settings: Settings) -> None:
    engines = Engines(settings, packet={"messages": 1_000, "after": "1s"})
    stop = threading.Event()
    stage = FeedStage(settings, engines.feed, "spark")
    thread = threading.Thread(target=lambda: stage.run(False, stop, lambda _: None))
    thread.start()
    try:
        engines.send(records(10, "before"))
        engines.await_all()
        (jvm,) = [child for child in psutil.Process().children() if child.name() == "java"]
        kill(jvm, "Spark's JVM").check()
        engines.send(records(10, "behind"))
        engines.await_all()
    finally:
        stop.set()
        thread.join(60)
    assert not thread.is_alive()
    assert engines.values() == plain(engines.sent)


def test_a_task_cuts_what_is_too_much_for_one_chunk_and_a_repeated_batch_adds_nothing(settings: Settings) -> None:
    engines = Engines(settings)
    engines.send(records(20))
    stage = make_stage(settings, engines.feed, "spark")
    sink = kind_of(engines.feed.declaration.sinks["spark"]).make_sink(stage)
    sink.prepare()
    sink.admit()
    writer = sink.open(0)
    assert isinstance(writer, FileWriter)
    values = engines.sent[::2]
    cells = [[0] * 10, list(range(10)), values, [b"key"] * 10, [NOV_20] * 10]
    batch = pa.RecordBatch.from_arrays([pa.array(column) for column in cells], list(COLUMNS))
    starts = []
    for _ in range(2):
        plan = Plan(settings, engines.feed, "spark", Bounds(4, 1_000_000, 1_000), {0: writer.position})
        (outcome,) = [decode_outcome(row["outcome"]) for each in run_task(plan, [batch]) for row in each.to_pylist()]
        assert isinstance(outcome, Receipts)
        starts.append([receipt.attempt.start for receipt in outcome.receipts])
        for receipt in outcome.receipts:
            writer.commit(receipt)
    sink.close()
    assert starts == [[0, 4, 8], []]
    assert engines.values() == plain(values)


def test_a_topic_that_is_recreated_ends_the_stage(settings: Settings) -> None:
    engines = Engines(settings)
    engines.send(records(10))
    engines.drain()
    rows = engines.rows()
    engines.recreate_topic()
    engines.send(records(30, "other"))
    with pytest.raises(OtherTopicError, match="recreated"):
        engines.drain()
    assert engines.rows() == rows


def test_a_start_from_now_skips_what_is_there_and_says_so(settings: Settings) -> None:
    engines = Engines(settings, start="now")
    engines.send(records(10))
    engines.drain()
    engines.send(records(4, "later"))
    engines.drain()
    assert engines.values() == plain(engines.sent[10:])
    gaps = [each.gaps for each in engines.standings().values()]
    assert [(start, why) for ((start, _, why),) in gaps] == [(0, SKIPPED)] * PARTITIONS


@pytest.mark.parametrize(
    "step",
    ["commit", *(pytest.param(step, marks=pytest.mark.long) for step in ("upload", "place", "acknowledge"))],
)
def test_killed_behind_a_step_each_record_is_in_a_file_once(settings: Settings, settings_file: Path, step: str) -> None:
    engines = Engines(settings, settings_file)
    engines.send(records(30))
    engines.kill(step)
    engines.send(records(10, "later"))
    engines.drain()
    assert engines.values() == plain(engines.sent)
    assert HdfsStore(settings.hdfs).entries(f"{engines.sinks['spark']['root']}/_tmp") == [], "an orphan is left"


def test_recorded_stations_are_in_parquet_by_day_as_the_shipped_feed_says(settings: Settings, test_data: Path) -> None:
    stations = json.loads((test_data / "velib/explore_v2.1_records_sample.json").read_text())["results"]
    declared = FeedFile(SHIPPED / "velib.toml").feed({}, {}).declaration
    engines = Engines(settings)
    root = f"{settings.hdfs.root}/velib"
    parquet = declared.sinks["parquet"].model_copy(update={"root": root})
    assert declared.topic is not None
    topic = declared.topic.model_copy(update={"name": engines.topic})
    feed = NamedFeed("velib", declared.model_copy(update={"topic": topic, "sinks": {"parquet": parquet}}))
    engines.send([json.dumps(station).encode() for station in stations])
    FeedStage(settings, feed, "parquet").run(True, threading.Event(), lambda _: None)
    rows = [json.loads(row) for row in rows_below(settings, root).elements()]
    told = {(row["station"], row["name"], row["bikes"], row["docks"], row["lon"], row["folder"]) for row in rows}
    assert len(rows) == len(stations) > 0
    assert told == {
        (
            each["stationcode"],
            each["name"].strip(),
            each["numbikesavailable"],
            each["numdocksavailable"],
            each["coordonnees_geo"]["lon"],
            f"dt={each['duedate'][:10]}",
        )
        for each in stations
    }
