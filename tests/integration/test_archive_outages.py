"""When HDFS or Kafka does not answer: a clear error at the start, patience later, and nothing lost."""

import logging
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from urllib.parse import urlsplit

import pytest

from batch_layer.storage.webhdfs import HdfsStore
from config.errors import TrendsError, UnavailableError
from config.settings import HdfsSettings, Settings
from tests.support.faults.network import Link
from tests.support.posts import (
    Running,
    Sender,
    archive_all,
    archived,
    assert_exactly_once,
    some_posts,
    with_archive,
)
from tests.support.wait import until


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that takes connections and never answers."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        yield server.getsockname()[1]


def test_an_address_where_nobody_is_is_told_at_once(settings: Settings) -> None:
    nobody = settings.model_copy(update={"hdfs": HdfsSettings(url="http://127.0.0.1:1", root="/none")})
    began = time.monotonic()
    with pytest.raises(UnavailableError, match=r"127\.0\.0\.1:1\b") as caught:
        archive_all(nobody)
    assert time.monotonic() - began < 20
    assert "trends up" in caught.value.next_step


def test_a_server_that_never_answers_is_given_up_in_time(silent_port: int) -> None:
    store = HdfsStore(HdfsSettings(url=f"http://127.0.0.1:{silent_port}", timeout_s=0.3))
    began = time.monotonic()
    with pytest.raises(UnavailableError, match="timed out"):
        store.get("/a")
    assert not store.rename("/a", "/b")
    assert time.monotonic() - began < 10


def test_brokers_that_are_not_there_are_told_with_their_address(settings: Settings) -> None:
    nobody = settings.model_copy(update={"kafka": settings.kafka.model_copy(update={"bootstrap": "127.0.0.1:1"})})
    with pytest.raises(UnavailableError, match=r"127\.0\.0\.1:1\b"):
        archive_all(nobody)


def test_a_topic_that_is_not_there_is_told_with_what_to_do(settings: Settings) -> None:
    none = settings.model_copy(update={"kafka": settings.kafka.model_copy(update={"posts": "no-such-topic"})})
    with pytest.raises(TrendsError, match="creates the topics"):
        archive_all(none)


@pytest.fixture
def link(settings: Settings) -> Iterator[Link]:
    """The way to the NameNode."""
    with Link(urlsplit(settings.hdfs.url).port or 0, "namenode") as made:
        yield made


@pytest.fixture
def behind(settings: Settings, link: Link) -> Settings:
    """Settings that lead to HDFS over the link."""
    url = f"http://127.0.0.1:{link.port}"
    return settings.model_copy(update={"hdfs": settings.hdfs.model_copy(update={"url": url})})


def test_while_hdfs_is_away_the_archiver_waits_in_its_group_and_then_goes_on(
    settings: Settings, behind: Settings, link: Link, caplog: pytest.LogCaptureFixture
) -> None:
    sender, posts = Sender(settings), some_posts(200)
    with caplog.at_level(logging.INFO), Running(with_archive(behind, flush_after_s=0.5)) as running:
        sender.send(posts[:100])
        until(lambda: running.archiver.summary.posts == 100, lambda: running.archiver.summary, 60)
        with link.cut():
            sender.send(posts[100:])
            until(lambda: "degraded" in caplog.text, lambda: caplog.text, 60)
        until(lambda: running.archiver.summary.posts == 200, lambda: running.archiver.summary, 90)
    assert running.error is None
    assert caplog.text.count("assigned:") == 1, "it was never put out of its group"
    assert_exactly_once(settings, posts)


def test_a_partition_that_was_taken_away_during_an_outage_is_archived_once_it_is_given_back(
    settings: Settings, behind: Settings, link: Link, caplog: pytest.LogCaptureFixture
) -> None:
    sender, posts = Sender(settings), some_posts(900)
    with caplog.at_level(logging.INFO), Running(with_archive(behind, flush_after_s=0.5)) as running:
        until(lambda: len(running.archiver.runner.chunks) == 3, lambda: running.archiver.runner.chunks, 60)
        with link.cut():
            sender.send(posts[:300])
            until(lambda: "degraded" in caplog.text, lambda: caplog.text, 60)
            with Running(with_archive(settings, flush_after_s=0.5)) as other:
                until(lambda: other.archiver.summary.posts > 0, lambda: other.archiver.summary, 60)
                sender.send(posts[300:600])
        until(lambda: len(running.archiver.runner.chunks) == 3, lambda: running.archiver.runner.chunks, 60)
        sender.send(posts[600:])
        until(lambda: archived(settings) == 900, lambda: archived(settings), 60)
    assert (running.error, other.error) == (None, None)
    assert_exactly_once(settings, posts)


def test_a_stop_while_hdfs_is_away_ends_in_time_and_loses_nothing(
    settings: Settings, behind: Settings, link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("batch_layer.delivery.retry.STOP_S", 3.0)
    posts = some_posts(50)
    with ExitStack() as left:
        running = Running(behind)
        left.enter_context(running)
        Sender(settings).send(posts)
        until(
            lambda: sum(c.records for c in list(running.archiver.runner.chunks.values())) == 50, lambda: "not read", 60
        )
        with link.cut():
            began = time.monotonic()
            left.close()
    assert time.monotonic() - began < 25
    assert running.error is None
    archive_all(settings)
    assert_exactly_once(settings, posts)
