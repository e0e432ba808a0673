"""When HDFS or Kafka does not answer: a clear error at the start, patience later, and nothing lost."""

import logging
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from batch_layer.archive.hdfs import HdfsStore
from config.errors import TrendsError, UnavailableError
from config.settings import HdfsSettings, Settings
from tests.end_to_end.waiting import until
from tests.integration.posting import Running, Sender, archive_all, assert_exactly_once, some_posts, with_archive


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


class Door:
    """A way to a server that can be shut: it forwards connections, or breaks them."""

    def __init__(self, to: str) -> None:
        host, _, port = to.removeprefix("http://").partition(":")
        self._to = (host, int(port))
        self._server = socket.create_server(("127.0.0.1", 0))
        self._pairs: list[socket.socket] = []
        self.shut = False
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """Break what is open, and let nobody in."""
        self.shut = True
        for end in self._pairs:
            end.close()

    def end(self) -> None:
        self._server.close()
        self.close()

    def _serve(self) -> None:
        while True:
            try:
                near, _ = self._server.accept()
            except OSError:
                return
            if self.shut:
                near.close()
                continue
            far = socket.create_connection(self._to)
            self._pairs += [near, far]
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=_pump, args=(one, other), daemon=True).start()


def _pump(one: socket.socket, other: socket.socket) -> None:
    try:
        while data := one.recv(65_536):
            other.sendall(data)
    except OSError:
        pass
    finally:
        for end in (one, other):
            end.close()


def test_while_hdfs_is_away_the_archiver_waits_in_its_group_and_then_goes_on(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    door = Door(settings.hdfs.url)
    behind = settings.model_copy(update={"hdfs": settings.hdfs.model_copy(update={"url": door.url})})
    sender, posts = Sender(settings), some_posts(200)
    with caplog.at_level(logging.INFO), Running(with_archive(behind, flush_after_s=0.5)) as running:
        sender.send(posts[:100])
        until(lambda: running.archiver.summary.posts == 100, lambda: running.archiver.summary, 60)
        door.close()
        sender.send(posts[100:])
        until(lambda: "degraded" in caplog.text, lambda: caplog.text, 60)
        door.shut = False
        until(lambda: running.archiver.summary.posts == 200, lambda: running.archiver.summary, 90)
    door.end()
    assert running.error is None
    assert caplog.text.count("assigned:") == 1, "it was never put out of its group"
    assert_exactly_once(settings, posts)


def test_a_stop_while_hdfs_is_away_ends_in_time_and_loses_nothing(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("batch_layer.archive.archiver.STOP_S", 3.0)
    door = Door(settings.hdfs.url)
    behind = settings.model_copy(update={"hdfs": settings.hdfs.model_copy(update={"url": door.url})})
    posts = some_posts(50)
    with Running(behind) as running:
        Sender(settings).send(posts)
        until(lambda: sum(c.records for c in list(running.archiver._chunks.values())) == 50, lambda: "not read", 60)
        door.close()
        began = time.monotonic()
    door.end()
    assert time.monotonic() - began < 25
    assert running.error is None
    archive_all(settings)
    assert_exactly_once(settings, posts)
