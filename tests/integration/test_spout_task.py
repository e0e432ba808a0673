"""A spout task and lanes in this process, on real Kafka and MongoDB: the speed layer without Storm."""

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from config.errors import TrendsError
from config.settings import Settings
from ingest.hours import wall_clock
from ingest.kafka.offsets import partitions_of
from ingest.kafka.topic_ids import TopicIds
from ingest.kafka.topics import core_topics, create_topics
from ingest.wire import Use, encode
from serving.cli.commands.status import unwritten
from serving.status.collect import speed_status
from serving.status.health import is_wrong
from serving.views.documents import LANES, PROGRESS, USES
from serving.views.store import Store
from speed_layer.assignment import Assignment
from speed_layer.heartbeats import read_heartbeats
from speed_layer.lag import caught_up, speed_lag
from speed_layer.lane_commit import MongoLanes, Verdict, commit_updates
from speed_layer.lanes import Lanes
from speed_layer.reader import Reader
from speed_layer.spout_task import Emission, SpoutTask
from tests.support.kafka import committed
from tests.support.recreated import recreate
from tests.support.topics import widened

WITHIN_S = 45
SEVEN = "2017-01-06T07"


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    with Store(settings.mongo) as store:
        yield store


@pytest.fixture
def layer(settings: Settings, store: Store) -> Iterator["Layer"]:
    layer = Layer(settings, store)
    yield layer
    layer.task.close()


class Layer:
    """Spout and bolt of one process, whose tuples can be lost."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self.settings = settings
        self.store = store
        self.task = SpoutTask(settings, store, Assignment(settings.kafka).partitions, wall_clock)
        self.lanes = MongoLanes(store, settings.kafka.hashtags, timedelta(days=7), wall_clock)

    def work(self, report: Callable[[Emission, Verdict], None] | None = None) -> None:
        emitted = self.task.poll()
        if emitted:
            for emission, verdict in zip(
                emitted, commit_updates(self.lanes, [each.update for each in emitted]), strict=True
            ):
                (report or self.report)(emission, verdict)

    def report(self, emission: Emission, verdict: Verdict) -> None:
        (self.task.fail if verdict is Verdict.REFUSED else self.task.ack)(emission.id)

    def work_until(self, holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + WITHIN_S
        while not holds():
            assert time.monotonic() < deadline
            for _ in range(20):
                self.work()

    def restarted(self) -> "Layer":
        self.task.close()
        return Layer(self.settings, self.store)

    def counted(self) -> Counter[tuple[str, str]]:
        return Counter({(use["hour"], use["tag"]): use["count"] for use in self.store.collection(USES).find()})


def produce(settings: Settings, tags: list[str], *, commit: bool = True, hour: str = SEVEN) -> None:
    name = settings.kafka.hashtags
    producer = Producer({"bootstrap.servers": settings.kafka.bootstrap, "transactional.id": f"test-{name}"})
    producer.init_transactions(30)
    producer.begin_transaction()
    for tag in tags:
        producer.produce(name, encode(Use(tag, hour, "1", "x", tag)), key=tag)
    (producer.commit_transaction if commit else producer.abort_transaction)(30)


def test_uses_are_counted_and_the_lag_says_when(settings: Settings, layer: Layer) -> None:
    assert caught_up(settings)
    produce(settings, ["a", "b", "c"] * 100)
    assert not caught_up(settings)
    assert sum(lag.behind for lag in speed_lag(settings)) >= 300
    layer.work_until(lambda: caught_up(settings))
    assert layer.counted() == {(SEVEN, tag): 100 for tag in "abc"}
    layer.task.save()
    assert sum(lag.next for lag in speed_lag(settings)) >= 300


def test_what_was_never_committed_is_neither_counted_nor_waited_for(settings: Settings, layer: Layer) -> None:
    produce(settings, ["a", "b"])
    produce(settings, ["a", "lost"] * 50, commit=False)
    layer.work_until(lambda: caught_up(settings))
    assert layer.counted() == {(SEVEN, "a"): 1, (SEVEN, "b"): 1}


def test_a_spout_that_dies_before_it_hears_or_saves_anything_counts_nothing_twice(
    settings: Settings, layer: Layer
) -> None:
    produce(settings, list("abcdefgh") * 10)
    deadline = time.monotonic() + WITHIN_S
    while layer.counted().total() < 80:  # all is counted, and not one report arrives
        assert time.monotonic() < deadline
        layer.work(lambda *_: None)
    assert Lanes(layer.store, settings.kafka.hashtags).read(0).progress == 0
    assert caught_up(settings)
    produce(settings, list("abcdefgh"), hour="2017-01-06T08")
    second = layer.restarted()
    second.work_until(lambda: caught_up(settings))
    assert second.counted() == Counter({(SEVEN, tag): 10 for tag in "abcdefgh"}) + Counter(
        {("2017-01-06T08", tag): 1 for tag in "abcdefgh"}
    )
    second.task.close()


def test_tuples_that_fail_after_they_were_counted_are_not_counted_again(settings: Settings, layer: Layer) -> None:
    produce(settings, list("abcdefgh") * 10)
    deadline = time.monotonic() + WITHIN_S
    while layer.counted().total() < 80:
        assert time.monotonic() < deadline
        layer.work(lambda emission, _: layer.task.fail(emission.id))
    layer.work_until(lambda: caught_up(settings))
    assert layer.counted() == {(SEVEN, tag): 10 for tag in "abcdefgh"}


def test_two_that_count_the_same_topic_are_both_told_of_and_count_each_use_once(
    settings: Settings, layer: Layer
) -> None:
    other = Layer(settings, layer.store)
    produced: Counter[tuple[str, str]] = Counter()
    for round_ in range(5):
        produce(settings, list("abcdefgh") * 20, hour=f"2017-01-06T{round_:02}")
        produced.update({(f"2017-01-06T{round_:02}", tag): 20 for tag in "abcdefgh"})
        for each in (layer, other) * 10:
            each.work()
    both = dict.fromkeys(partitions_of(settings.kafka, settings.kafka.hashtags), 2)

    def told() -> bool:
        other.work()
        heartbeats = read_heartbeats(layer.store, settings.kafka.hashtags)
        return Counter(heartbeat.partition for heartbeat in heartbeats) == both

    layer.work_until(lambda: told() and caught_up(settings))
    assert layer.counted() == produced
    assert {
        heartbeat.writer.split(" at ")[0] for heartbeat in read_heartbeats(layer.store, settings.kafka.hashtags)
    } == {"no topology"}
    other.task.close()


def test_a_spout_counts_added_partitions_and_rows_that_two_partitions_write_stay_right(
    settings: Settings, layer: Layer
) -> None:
    tags = list("abcdefghijklmnopqrst")
    produce(settings, tags * 5)
    layer.work_until(lambda: caught_up(settings))
    assert widened(settings.kafka, settings.kafka.hashtags, 12) == (3, 12)
    assert speed_status(settings).unwritten_partitions == list(range(3, 12))
    assert not is_wrong("speed", speed_status(settings)), "empty partitions wait for nobody"
    produce(settings, tags * 7)
    told = speed_status(settings)
    assert told.unwritten_partitions == list(range(3, 12))
    assert is_wrong("speed", told), "no spout counts what waits there"
    assert "partitions 3, 4, 5, 6, 7, 8, 9, 10, 11 have no writer" in unwritten(told.unwritten_partitions)

    layer.work_until(lambda: caught_up(settings))

    assert layer.counted() == {(SEVEN, tag): 12 for tag in tags}
    wrote: dict[str, set[int]] = {tag: set() for tag in tags}
    for message in committed(settings.kafka.bootstrap, settings.kafka.hashtags):
        wrote[message.key().decode()].add(message.partition())
    assert any(len(partitions) > 1 for partitions in wrote.values()), "no key has moved"
    told = speed_status(settings)
    assert (told.unwritten_partitions, told.behind) == ([], 0)
    second = layer.restarted()
    produce(settings, tags)
    second.work_until(lambda: caught_up(settings))
    assert second.counted() == {(SEVEN, tag): 13 for tag in tags}
    second.task.close()


def test_what_retention_deleted_is_told_loudly_and_counting_goes_on(
    settings: Settings, layer: Layer, caplog: pytest.LogCaptureFixture
) -> None:
    produce(settings, ["a"] * 50)
    (partition,) = (lag.partition for lag in speed_lag(settings) if not lag.drained)
    cut = TopicPartition(settings.kafka.hashtags, partition, 30)
    admin = AdminClient({"bootstrap.servers": settings.kafka.bootstrap})
    for deleted in admin.delete_records([cut]).values():
        deleted.result()
    with caplog.at_level(logging.ERROR, "speed_layer"):
        layer.work_until(lambda: caught_up(settings))
    assert "messages 0 to 29 were deleted before they were counted" in caplog.text
    assert layer.counted() == {(SEVEN, "a"): 20}


def test_without_topic_ids_a_topic_that_ends_before_progress_is_not_skipped_silently(
    settings: Settings, store: Store
) -> None:
    Lanes(store, settings.kafka.hashtags).save({0: 1_000})
    reader = Reader(settings.kafka, 0)
    try:
        with pytest.raises(TrendsError, match="it was deleted and recreated"):
            reader.start(1_000)
    finally:
        reader.close()


def test_what_cannot_be_read_is_parked_with_its_place_and_reason(settings: Settings, layer: Layer) -> None:
    producer = Producer({"bootstrap.servers": settings.kafka.bootstrap})
    producer.produce(settings.kafka.hashtags, b"\xff?", partition=1)
    producer.flush(30)
    layer.work_until(lambda: caught_up(settings))
    consumer = Consumer({"bootstrap.servers": settings.kafka.bootstrap, "group.id": "test"})
    consumer.assign([TopicPartition(settings.kafka.rejects, 0, 0)])
    message = consumer.poll(30)
    consumer.close()
    assert message is not None
    headers = dict(message.headers())
    assert message.value() == b"\xff?"
    assert (headers["stage"], headers["where"]) == (b"speed", f"{settings.kafka.hashtags}/1@0".encode())
    assert headers["reason"].startswith(b"not a use")


# A topic that is deleted and recreated


def settle_all(settings: Settings, layer: Layer) -> None:
    layer.work_until(lambda: caught_up(settings))
    layer.task.save()


def test_a_recreated_topic_is_counted_from_its_beginning_beside_what_was_counted(
    settings: Settings, layer: Layer
) -> None:
    produce(settings, ["a", "b"] * 20)
    settle_all(settings, layer)
    before, now = recreate(settings, settings.kafka.hashtags)
    produce(settings, ["a", "c"] * 100)  # beyond the offsets that were counted of the former one
    assert not caught_up(settings), "offsets of the former topic are taken for its own"
    assert sum(lag.behind for lag in speed_lag(settings)) >= 200
    again = layer.restarted()
    settle_all(settings, again)
    assert again.counted() == {(SEVEN, "a"): 120, (SEVEN, "b"): 20, (SEVEN, "c"): 100}
    there = {each["topic_id"] for each in layer.store.collection(PROGRESS).find()}
    assert there == {before, now}
    assert all(each["_id"].split("|")[0] in {before, now} for each in layer.store.collection(LANES).find())
    third = again.restarted()
    settle_all(settings, third)
    assert third.counted() == again.counted()
    third.task.close()


def test_a_topic_that_is_recreated_while_it_is_counted_is_counted_from_its_beginning(
    settings: Settings, layer: Layer, caplog: pytest.LogCaptureFixture
) -> None:
    produce(settings, ["a", "b"] * 20)
    settle_all(settings, layer)
    recreate(settings, settings.kafka.hashtags)
    produce(settings, ["a", "c"] * 100)
    with caplog.at_level(logging.WARNING, "speed_layer"):
        layer.work_until(lambda: caught_up(settings))
    assert "the topic was deleted and recreated" in caplog.text
    assert layer.counted() == {(SEVEN, "a"): 120, (SEVEN, "b"): 20, (SEVEN, "c"): 100}


def test_a_topic_that_is_recreated_and_shorter_than_what_was_counted_is_counted_too(
    settings: Settings, layer: Layer
) -> None:
    produce(settings, ["a"] * 50)
    settle_all(settings, layer)
    recreate(settings, settings.kafka.hashtags)
    produce(settings, ["a"] * 7)
    layer.work_until(lambda: caught_up(settings))
    assert layer.counted() == {(SEVEN, "a"): 57}


def forget_ids(store: Store, topic: str) -> None:
    """Make of progress and lanes what the version before left."""
    for name in (PROGRESS, LANES):
        collection = store.collection(name)
        for each in list(collection.find()):
            old = each["_id"].partition("@")[0] if name == PROGRESS else each["_id"].partition("|")[2]
            collection.delete_one({"_id": each["_id"]})
            each.pop("topic_id", None)
            collection.insert_one(each | {"_id": old})
    assert all(each["_id"].startswith(f"{topic}/") for each in store.collection(PROGRESS).find())


def test_state_of_the_version_before_is_adopted_where_the_topic_goes_on(settings: Settings, layer: Layer) -> None:
    produce(settings, ["a", "b"] * 20)
    settle_all(settings, layer)
    forget_ids(layer.store, settings.kafka.hashtags)
    assert caught_up(settings)
    produce(settings, ["a"] * 5)
    again = layer.restarted()
    settle_all(settings, again)
    assert again.counted() == {(SEVEN, "a"): 25, (SEVEN, "b"): 20}
    now = TopicIds(settings.kafka).of(settings.kafka.hashtags)
    assert {each.get("topic_id") for each in layer.store.collection(PROGRESS).find()} == {now}
    recreate(settings, settings.kafka.hashtags)
    produce(settings, ["a", "c"] * 100)
    third = again.restarted()
    settle_all(settings, third)
    assert third.counted() == {(SEVEN, "a"): 125, (SEVEN, "b"): 20, (SEVEN, "c"): 100}
    third.task.close()


def test_state_of_the_version_before_is_not_adopted_by_a_topic_that_ends_earlier(
    settings: Settings, layer: Layer
) -> None:
    produce(settings, ["a"] * 50)
    settle_all(settings, layer)
    forget_ids(layer.store, settings.kafka.hashtags)
    recreate(settings, settings.kafka.hashtags)
    produce(settings, ["a"] * 7)
    again = layer.restarted()
    settle_all(settings, again)
    assert again.counted() == {(SEVEN, "a"): 57}
    again.task.close()


def test_lanes_without_progress_of_the_version_before_are_not_counted_again(settings: Settings, layer: Layer) -> None:
    produce(settings, ["a", "b"] * 20)
    settle_all(settings, layer)
    forget_ids(layer.store, settings.kafka.hashtags)
    layer.store.collection(PROGRESS).delete_many({})  # it died before it saved any
    again = layer.restarted()
    settle_all(settings, again)
    assert again.counted() == {(SEVEN, "a"): 20, (SEVEN, "b"): 20}
    again.task.close()


def test_another_topic_in_the_same_database_has_lanes_of_its_own(settings: Settings, layer: Layer) -> None:
    produce(settings, ["a", "b"] * 20)
    settle_all(settings, layer)
    forget_ids(layer.store, settings.kafka.hashtags)  # lanes that say nothing of their topic
    kafka = settings.kafka.model_copy(update={"hashtags": f"{settings.kafka.hashtags}-2"})
    other = settings.model_copy(update={"kafka": kafka})
    create_topics(kafka, core_topics(kafka))
    produce(other, ["a", "b"] * 30)
    second = Layer(other, layer.store)
    settle_all(other, second)
    assert second.counted() == {(SEVEN, "a"): 50, (SEVEN, "b"): 50}
    second.task.close()
