"""Topics that get more partitions on a live system, and settings that say another number than the topic has."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from confluent_kafka import Producer

from batch_layer.archive.manifest import Manifest, encode
from batch_layer.archive.reading.lag import archive_lag
from batch_layer.archive.reading.ledger import ledger_of
from batch_layer.archive.reading.watermark import complete_until
from batch_layer.runner import BatchRunner
from batch_layer.spark.session import Engine
from bench.inputs.archive_writer import ArchiveWriter
from config.errors import TrendsError
from config.settings import Settings
from ingest.cursors import read_stored_cursor
from ingest.hours import Hour, wall_clock
from ingest.rule.hashtags import AS_IS
from serving.cli.commands.verify import _settled
from serving.views.documents import USES
from serving.views.store import Store
from speed_layer.assignment import Assignment
from speed_layer.lag import caught_up, speed_lag
from speed_layer.lane_commit import MongoLanes, Verdict, commit_updates
from speed_layer.spout_task import SpoutTask
from tests.support import oracle
from tests.support.batch import documents, top
from tests.support.cli import run
from tests.support.faults.load import Load
from tests.support.posts import (
    PAST,
    Running,
    Sender,
    archive_all,
    assert_exactly_once,
    some_posts,
    with_archive,
)
from tests.support.topics import widened
from tests.support.wait import until

FIRST = Hour.of(PAST)
BOSTON = "crisislex_t6/2013_Boston_Bombings-ontopic_offtopic.csv"


@pytest.fixture(scope="module")
def engine(stack: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """One Spark session for all."""
    engine = Engine(stack.spark, stack.hdfs, tmp_path_factory.mktemp("spark"))
    yield engine
    engine.close()


def saying(settings: Settings, partitions: int) -> Settings:
    """The settings with another `kafka.partitions`."""
    return settings.model_copy(update={"kafka": settings.kafka.model_copy(update={"partitions": partitions})})


def complete(settings: Settings) -> Hour:
    """The first hour that is not complete."""
    return complete_until(ledger_of(settings), settings.kafka, settings.archive, wall_clock())


def test_an_added_partition_takes_part_before_anything_of_it_is_archived(settings: Settings) -> None:
    settings = with_archive(settings, idle_after_s=0)
    Sender(settings).send(some_posts(30))
    archive_all(settings)
    assert complete(settings) > FIRST.plus(3)

    assert widened(settings.kafka, settings.kafka.posts, 6) == (3, 6)
    assert complete(settings) > FIRST.plus(3), "empty partitions hold nothing up"
    more = some_posts(30)
    Sender(settings).send(more, partition=4)

    assert complete(settings) == Hour(0), "what is not archived holds its hours open"
    assert list(archive_lag(settings.kafka, ledger_of(settings))) == [0, 1, 2, 3, 4, 5]
    assert archive_lag(settings.kafka, ledger_of(settings))[4] > 0
    assert not _settled(settings)

    archive_all(settings)
    assert complete(settings) > FIRST.plus(3)
    assert len(ledger_of(settings).covered) == 5
    assert _settled(settings)


def test_verify_counts_added_partitions_too(settings: Settings) -> None:
    posts = some_posts(60)
    Sender(settings).send(posts[:30])
    archive_all(settings)
    widened(settings.kafka, settings.kafka.posts, 6)
    Sender(settings).send(posts[30:])
    archive_all(settings)
    assert len(assert_exactly_once(settings, posts).covered) > 3


@pytest.mark.parametrize("said", [1, 50])
def test_a_setting_that_differs_from_the_topic_changes_no_document(
    settings: Settings, engine: Engine, said: int
) -> None:
    settings = with_archive(settings, idle_after_s=0)
    Sender(settings).send(some_posts(90))
    archive_all(settings)
    assert computed(saying(settings, said), engine) == {FIRST.plus(at): [("a", 30)] for at in range(3)}


def computed(settings: Settings, engine: Engine) -> dict[Hour, list[tuple[str, int]]]:
    """What a batch layer of these settings makes of every complete hour."""
    batch = BatchRunner(settings, lambda: AS_IS, wall_clock)
    batch.engine = engine
    try:
        batch.run(batch.plan_missing())
        assert not batch.plan_missing().hours
    finally:
        batch.store.close()
    with Store(settings.mongo) as store:
        made = documents(store)
    assert all(document["complete"] and not document["dirty"] for document in made.values())
    return {hour: top(document) for hour, document in made.items()}


def test_an_archive_of_more_partitions_than_the_topic_has_is_another_topics(settings: Settings) -> None:
    archive = ArchiveWriter(settings)
    link = Manifest(uuid="0" * 32, kind="gap", topic=settings.kafka.posts, partition=4, start=0, next=5, committed_at=0)
    archive.store.put(archive.paths.commit(4, 0), encode(link))
    with pytest.raises(TrendsError, match="the archive has 5 partitions and the topic 3"):
        complete(settings)


def test_topics_altered_from_6_to_12_partitions_on_a_live_system_end_equal_to_the_oracle(
    settings: Settings, settings_file: Path, engine: Engine, test_data: Path, tmp_path: Path
) -> None:
    settings = with_archive(settings, idle_after_s=0, flush_after_s=1)
    topics, variables = (settings.kafka.posts, settings.kafka.hashtags), {"TRENDS_CONFIG": str(settings_file)}
    load = Load.of([test_data / BOSTON], tmp_path, rate=1)
    for topic in topics:
        widened(settings.kafka, topic, 6)
    with Store(settings.mongo) as store, Running(settings), counting(settings, store) as counted:
        run("ingest", "file", str(load.before), variables=variables)
        until(counted, lambda: speed_lag(settings))
        before = rows(store)
        for topic in topics:
            assert widened(settings.kafka, topic, 12) == (6, 12)
        run("ingest", "file", str(load.under_fire), variables=variables)
        until(counted, lambda: speed_lag(settings))
        until(lambda: not sum(archive_lag(settings.kafka, ledger_of(settings)).values()), lambda: "archive is behind")

        assert min(len(ledger_of(settings).covered), len(speed_lag(settings))) == 12
        as_sent = oracle.count(load.posts, once=False)
        assert rows(store) == {hour: counts for hour, counts in as_sent.items() if counts}
        assert before != rows(store), "everything was counted before the change"

    once = {Hour.parse(hour): counts for hour, counts in oracle.count(load.posts, once=True).items()}
    wanted = {hour: oracle.top(counts, 1_000) for hour, counts in once.items()}
    assert computed(settings, engine) == wanted
    run(
        "recompute",
        "--all",
        variables=variables | {"TRENDS_KAFKA__PARTITIONS": "2", "TRENDS_ARCHIVE__IDLE_AFTER_S": "0"},
    )
    with Store(settings.mongo) as store:
        assert {hour: top(document) for hour, document in documents(store).items()} == wanted


def test_of_a_cursor_in_two_partitions_the_later_one_counts(settings: Settings) -> None:
    widened(settings.kafka, settings.kafka.cursors, 4)
    producer = Producer({"bootstrap.servers": settings.kafka.bootstrap, "linger.ms": 0})
    for cursor, places in (("old", {"a": 0, "b": 3}), ("new", {"a": 3, "b": 0})):
        for name, partition in places.items():
            producer.produce(settings.kafka.cursors, f'{{"at":"{cursor}"}}', name, partition=partition)
        assert producer.flush(30) == 0
        time.sleep(0.01)  # the broker stamps messages in milliseconds
    assert [read_stored_cursor(settings.kafka, name).cursor for name in "ab"] == [{"at": "new"}] * 2


def rows(store: Store) -> oracle.Hours:
    """What the speed layer has, by hour."""
    found: oracle.Hours = {}
    for use in store.collection(USES).find():
        found.setdefault(use["hour"], Counter())[use["tag"]] = use["count"]
    return found


@contextmanager
def counting(settings: Settings, store: Store) -> Iterator[Callable[[], bool]]:
    """Inside, a spout and a bolt run in a thread; whether they have counted everything."""
    task = SpoutTask(settings, store, Assignment(settings.kafka).partitions, wall_clock)
    lanes = MongoLanes(store, settings.kafka.hashtags, timedelta(days=7), wall_clock)
    over = threading.Event()

    def work() -> None:
        while not over.is_set():
            emitted = task.poll()
            for each, verdict in zip(emitted, commit_updates(lanes, [each.update for each in emitted]), strict=True):
                (task.fail if verdict is Verdict.REFUSED else task.ack)(each.id)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield lambda: caught_up(settings)
    finally:
        over.set()
        thread.join(60)
        task.close()
