"""The topic of finished hours on real servers: whatever dies, a reader finds each hour as its document is."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from batch_layer.publish import HourResult, Stamp, publish
from batch_layer.rank import PostFields, rank_hour
from batch_layer.tops.topic_writer import TopicWriter
from bench.harness import stack_settings
from bench.inputs.archive_writer import ArchiveWriter
from config.errors import UsageError
from config.settings import Settings, TopsSettings
from ingest.hours import Hour
from ingest.kafka.transactions import Outgoing, Transactions
from ingest.rule.hashtags import AS_IS
from serving.status.collect import tops_status
from serving.status.outlet_findings import outlet_findings
from serving.views.documents import HOURS
from serving.views.store import Store
from tests.support.batch import FIRST, post
from tests.support.faults.crash_points import Points, dies, lives
from tests.support.kafka import committed


@pytest.fixture
def tops() -> dict[str, Any]:
    """A topic that no other test has."""
    return {"enabled": True, "topic": f"tops-{uuid4().hex[:12]}"}


@pytest.fixture
def own(settings: Settings, tops: dict[str, Any]) -> Settings:
    return settings.model_copy(update={"tops": TopsSettings(**tops)})


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    with Store(settings.mongo) as store:
        yield store


def compacted(own: Settings) -> dict[str, Any]:
    """What a reader of the compacted topic has: the last message of each key."""
    last = {message.key(): message.value() for message in committed(own.kafka.bootstrap, own.tops.topic)}
    return {(key or b"").decode(): json.loads(value) for key, value in last.items() if value is not None}


def shown(message: dict[str, Any]) -> dict[str, Any]:
    return {name: message[name] for name in ("hour", "rule", "run", "token", "posts", "uses", "tags", "top")}


def assert_equal_to_the_documents(own: Settings, store: Store) -> None:
    there = {each["hour"]: each for each in store.collection(HOURS).find({"complete": True})}
    assert there, "nothing to compare"
    expected = {hour: shown({**each, "top": each["top"][:100]}) for hour, each in there.items()}
    assert {hour: shown(message) for hour, message in compacted(own).items()} == expected
    assert not store.collection(HOURS).count_documents({"unsent": True})


def marks(store: Store) -> list[bool | None]:
    return [each.get("unsent") for each in store.collection(HOURS).find(sort=[("hour", 1)])]


def put(store: Store, token: int, *hours: Hour, text: str = "#a", complete: bool = True) -> None:
    """Publish hours as a run does, without Spark."""
    ranking = rank_hour([PostFields("x", "1", text, None)], AS_IS, 1_000)
    publish(store, [HourResult(hour, ranking, (1,), complete) for hour in hours], Stamp(f"r{token}", token, "1"), 1)


def test_a_run_that_dies_between_mongodb_and_kafka_leaves_each_hour_to_the_next(
    own: Settings, settings_file: Path, tops: dict[str, Any], store: Store, tmp_path: Path
) -> None:
    tables: stack_settings.Tables = {
        "tops": tops,
        "archive": {"idle_after_s": 3_600.0},  # an hour is complete once the archive has the next one
        "batch": {"kinds": []},
        "stack": {"state": str(tmp_path / "state")},
    }
    file = stack_settings.override(settings_file, settings_file, tables)
    archive, points = ArchiveWriter(own), Points(tmp_path / "points")
    for partition in range(3):
        archive.add(partition, [post(10 * partition + at, at, f"#a #b{at} #c{partition}") for at in range(4)])

    dies(points, "tops: between the document and Kafka", file, "batch", "run")
    assert marks(store) == [True, True], "the documents are there, and say that Kafka lacks them"
    assert not committed(own.kafka.bootstrap, own.tops.topic)
    status = tops_status(own)
    assert (status.topic, status.pending, status.oldest) == (own.tops.topic, 2, str(FIRST))

    dies(points, "tops: between Kafka and the mark", file, "batch", "run")
    assert marks(store) == [True, True]
    assert len(committed(own.kafka.bootstrap, own.tops.topic)) == 2, "Kafka has the hours, and nobody has noted it"

    lives(file, "batch", "run")  # it computes nothing: each hour is final
    assert_equal_to_the_documents(own, store)
    sent = committed(own.kafka.bootstrap, own.tops.topic)
    assert sorted(message.key() or b"" for message in sent) == sorted(
        2 * [str(FIRST).encode(), str(FIRST.plus(1)).encode()]
    )
    assert TopicWriter(own, store).deliver() == 0, "nothing is pending"


def test_an_older_writer_that_wakes_up_overwrites_nothing(
    own: Settings, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store, 1, FIRST, text="#old")
    commit = Transactions.commit
    overtaken: list[bool] = []

    def overtake(self: Transactions, outgoing: Outgoing) -> None:
        """Between the first writer's look at the document and its commit another run publishes and delivers."""
        if not overtaken:
            overtaken.append(True)
            put(store, 2, FIRST, text="#new")
            assert TopicWriter(own, store).deliver() == 1
        commit(self, outgoing)

    monkeypatch.setattr(Transactions, "commit", overtake)
    assert TopicWriter(own, store).deliver() == 0
    assert overtaken
    assert_equal_to_the_documents(own, store)
    assert [row["tag"] for row in compacted(own)[str(FIRST)]["top"]] == ["new"]


def test_a_publish_during_a_delivery_keeps_its_mark(
    own: Settings, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store, 1, FIRST)
    commit = Transactions.commit

    def published_meanwhile(self: Transactions, outgoing: Outgoing) -> None:
        commit(self, outgoing)
        monkeypatch.undo()
        put(store, 2, FIRST)

    monkeypatch.setattr(Transactions, "commit", published_meanwhile)
    writer = TopicWriter(own, store)
    assert writer.deliver() == 1
    assert marks(store) == [True], "the mark is of the newer document"
    assert (writer.deliver(), writer.deliver()) == (1, 0)
    assert_equal_to_the_documents(own, store)


def test_the_topic_has_finished_hours_alone_and_starts_with_those_of_before(own: Settings, store: Store) -> None:
    put(store, 1, FIRST, FIRST.plus(1))
    put(store, 2, FIRST.plus(2), complete=False)
    off = own.model_copy(update={"tops": TopsSettings(topic=own.tops.topic)})
    assert TopicWriter(off, store).deliver() == 0
    store.collection(HOURS).update_one({"hour": str(FIRST)}, {"$unset": {"unsent": 1}})  # as an earlier version left it
    assert TopicWriter(own, store).deliver() == 2
    assert_equal_to_the_documents(own, store)
    admin = AdminClient({"bootstrap.servers": own.kafka.bootstrap})
    (topic,) = admin.list_topics(own.tops.topic, timeout=20).topics.values()
    assert len(topic.partitions) == 1

    put(store, 3, FIRST.plus(1), complete=False)  # no reader is left with a final one
    assert TopicWriter(own, store).deliver() == 1
    assert compacted(own)[str(FIRST.plus(1))]["state"] == "provisional"

    admin.delete_topics([own.tops.topic])[own.tops.topic].result(30)
    put(store, 4, FIRST.plus(1))
    assert TopicWriter(own, store).deliver() == 2, "another topic of this name gets all of them"
    assert_equal_to_the_documents(own, store)


def test_a_reset_leaves_tombstones_of_hours_that_no_run_computes_again(own: Settings, store: Store) -> None:
    put(store, 1, FIRST, FIRST.plus(1))
    writer = TopicWriter(own, store)
    writer.deliver()
    writer.outbox.note_reset("r2", 2)
    assert writer.deliver() == 0, "the documents are there still"
    store.collection(HOURS).delete_many({"run": {"$ne": "r2"}})
    put(store, 2, FIRST)
    assert writer.outbox.pending().hours == 2
    assert writer.deliver() == 2
    last = {message.key(): message.value() for message in committed(own.kafka.bootstrap, own.tops.topic)}
    assert last[str(FIRST.plus(1)).encode()] is None
    assert_equal_to_the_documents(own, store)
    assert writer.deliver() == 0
    assert [(each.state, each.found) for each in outlet_findings(own)] == [("ok", "has every finished hour")]


def test_a_topic_that_others_use_gets_no_hour(own: Settings, store: Store) -> None:
    put(store, 1, FIRST)
    core = own.model_copy(update={"tops": TopsSettings(enabled=True, topic=own.kafka.posts)})
    with pytest.raises(UsageError, match="has other messages of trends"):
        TopicWriter(core, store).deliver()
    admin = AdminClient({"bootstrap.servers": own.kafka.bootstrap})
    admin.create_topics([NewTopic(own.tops.topic, 1, 1)])[own.tops.topic].result(30)
    with pytest.raises(UsageError, match="is not compacted"):
        TopicWriter(own, store).deliver()
    assert marks(store) == [True]
    (finding,) = outlet_findings(own)
    assert (finding.state, finding.found) == ("wrong", "is not compacted")
