"""The archive knows which archive it is and of which topic: offsets of another topic never get into it."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from batch_layer.archive.archiver import Archiver
from batch_layer.archive.paths import Paths
from batch_layer.archive.reading.lag import archive_lag
from batch_layer.archive.reading.ledger import ledger_of
from batch_layer.archive.reading.watermark import complete_until
from batch_layer.storage.chunk_files.identity import ensure_archive
from batch_layer.storage.webhdfs import HdfsStore
from config.errors import TrendsError
from config.settings import Settings
from ingest.kafka.topic_ids import OtherTopicError, TopicIds
from tests.support.faults.network import Link, port_in_kafka
from tests.support.posts import (
    Running,
    Sender,
    archive_all,
    archived,
    assert_exactly_once,
    some_posts,
    with_archive,
)
from tests.support.recreated import recreate
from tests.support.wait import until


def store_of(settings: Settings) -> tuple[HdfsStore, Paths]:
    return HdfsStore(settings.hdfs), Paths(settings.hdfs.root, settings.kafka.posts)


def forget_identity(settings: Settings) -> None:
    """Make of an archive what the version before left: no identity, and manifests without ids."""
    store, paths = store_of(settings)
    store.delete(paths.identity, everything_below=True)
    for partition in store.entries(paths.all_commits):
        for entry in store.entries(f"{paths.all_commits}/{partition.name}"):
            path = f"{paths.all_commits}/{partition.name}/{entry.name}"
            manifest = json.loads(store.get(path) or b"")
            assert manifest.pop("archive")
            assert manifest.pop("topic_id")
            store.put(path, json.dumps(manifest).encode())


def test_every_manifest_names_its_archive_and_its_topic(settings: Settings) -> None:
    Sender(settings).send(some_posts(30))
    archive_all(settings)
    ledger = ledger_of(settings)
    assert ledger.identity is not None
    assert not ledger.identity.adopted
    assert ledger.origin == (ledger.identity.id, TopicIds(settings.kafka).of(settings.kafka.posts))
    manifests = [manifest for partition in ledger.partitions for manifest in partition]
    assert {(each.archive, each.topic_id) for each in manifests} == {ledger.origin}


def test_an_id_is_written_once_whoever_comes_first(settings: Settings) -> None:
    store, paths = store_of(settings)
    with ThreadPoolExecutor(4) as threads:
        found = {each.id for each in threads.map(lambda now: ensure_archive(store, paths, now), range(4))}
    assert len(found) == 1
    assert not [entry for entry in store.entries(paths.all_tmp) if entry.name.startswith("identity+")]


def test_a_recreated_topic_is_refused_though_it_is_longer_than_the_archive(settings: Settings) -> None:
    Sender(settings).send(some_posts(20), partition=0)
    archive_all(settings)
    before, now = recreate(settings, settings.kafka.posts)
    Sender(settings).send(some_posts(50), partition=0)
    with pytest.raises(OtherTopicError, match="recreated") as refused:
        archive_all(settings)
    assert before in str(refused.value)
    assert now in str(refused.value)
    assert "hdfs.root" in refused.value.next_step
    assert archived(settings) == 20


def test_a_topic_that_is_recreated_under_a_running_archiver_does_not_get_into_the_archive(settings: Settings) -> None:
    first = some_posts(20)
    with Running(with_archive(settings, flush_after_s=1)) as running:
        Sender(settings).send(first, partition=0)
        until(lambda: archived(settings) == 20, lambda: archived(settings), 60)
        recreate(settings, settings.kafka.posts)
        Sender(settings).send(some_posts(300), partition=0)
        until(lambda: running.error is not None, lambda: archived(settings), 60)
    assert isinstance(running.error, TrendsError)
    assert archived(settings) == 20


def test_an_archive_of_the_version_before_is_adopted_where_the_topic_goes_on(settings: Settings) -> None:
    sender, posts = Sender(settings), some_posts(40)
    sender.send(posts[:20], partition=1)
    archive_all(settings)
    forget_identity(settings)
    assert ledger_of(settings).origin == ("", "")
    sender.send(posts[20:], partition=1)
    archive_all(settings)
    ledger = assert_exactly_once(settings, posts)
    assert ledger.identity is not None
    assert ledger.identity.adopted
    assert [each.archive for each in ledger.partitions[1]] == ["", ledger.identity.id]
    archive_all(settings)  # and once more
    recreate(settings, settings.kafka.posts)
    Sender(settings).send(some_posts(90), partition=1)
    with pytest.raises(OtherTopicError):
        archive_all(settings)


def test_an_archive_of_the_version_before_is_not_adopted_where_the_topic_ends_earlier(settings: Settings) -> None:
    Sender(settings).send(some_posts(20), partition=1)
    archive_all(settings)
    forget_identity(settings)
    recreate(settings, settings.kafka.posts)
    Sender(settings).send(some_posts(50), partition=0)
    with pytest.raises(OtherTopicError, match="ends at offset 20 and the topic already at 0"):
        archive_all(settings)
    assert ledger_of(settings).topic is None


def test_another_topic_in_the_same_folder_is_refused_in_words_that_say_what_next(settings: Settings) -> None:
    Sender(settings).send(some_posts(20), partition=0)
    archive_all(settings)
    kafka = settings.kafka.model_copy(update={"posts": settings.kafka.hashtags})
    other = settings.model_copy(update={"kafka": kafka})
    told = f"the archive is of the topic {settings.kafka.posts}, and kafka.posts is {kafka.posts}"
    with pytest.raises(OtherTopicError, match=told) as refused:
        archive_all(other)
    assert "hdfs.root" in refused.value.next_step
    with pytest.raises(OtherTopicError, match=told):
        ledger_of(other)


def test_a_broker_without_topic_ids_is_archived_as_before(settings: Settings) -> None:
    """Brokers before 2.8 answer metadata requests up to version 9, without ids: the link makes one of this broker."""
    port = int(settings.kafka.bootstrap.rpartition(":")[2])
    with Link(port, "kafka") as link:
        link.rewrite(port_in_kafka(port, link.port))
        link.rewrite({b"\0\3\0\0\0\x0d\0": b"\0\3\0\0\0\x09\0"})
        kafka = settings.kafka.model_copy(update={"bootstrap": f"127.0.0.1:{link.port}"})
        old = settings.model_copy(update={"kafka": kafka})
        assert TopicIds(settings.kafka).of(kafka.posts)
        assert TopicIds(kafka).of(kafka.posts) == ""
        posts = some_posts(20)
        Sender(settings).send(posts)
        Archiver(old).run(until_drained=True, stop=threading.Event())
        ledger = assert_exactly_once(old, posts)
        assert ledger.topic is not None
        assert (ledger.topic.topic_id, bool(ledger.origin.archive)) == ("", True)
    archive_all(settings)  # the broker was upgraded


def test_offsets_of_a_recreated_topic_are_not_compared_with_an_archive_of_the_former(settings: Settings) -> None:
    Sender(settings).send(some_posts(20), partition=0)
    archive_all(settings)
    recreate(settings, settings.kafka.posts)
    Sender(settings).send(some_posts(5), partition=0)
    ledger = ledger_of(settings)
    with pytest.raises(OtherTopicError, match="recreated"):
        archive_lag(settings.kafka, ledger)
    with pytest.raises(OtherTopicError, match="recreated"):
        complete_until(ledger, settings.kafka, settings.archive, 2_000_000_000_000)
