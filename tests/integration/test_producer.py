"""The producer on a real broker: exactly once over kills and restarts, fencing, back-pressure, refusals."""

import json
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Producer as KafkaProducer

from config.errors import FencedError, TrendsError, UnavailableError
from config.settings import IngestSettings, KafkaSettings, Settings
from ingest.cursors import read_stored_cursor
from ingest.kafka.topics import core_topics, create_topics
from ingest.post import Post
from ingest.post_encoder import PostEncoder
from ingest.producer import Producer
from ingest.rule.hashtags import AS_IS, tags_of
from ingest.sources.base import Batch, Cursor
from tests.support.ingest_process import ended, posts_in, started
from tests.support.kafka import committed
from tests.support.recreated import recreate
from tests.support.wait import until

POSTS = 6_000
FIRST = 690_406_591_110_582_272


class Listed:
    """A source of given batches."""

    name = "listed"

    def __init__(self, *batches: list[Post]) -> None:
        self._batches = batches

    def batches(self, cursor: Cursor, most: int) -> Iterator[Batch[Post]]:
        done = cursor.get("done", 0)
        for n, posts in enumerate(self._batches[done:], done + 1):
            yield Batch(posts, [], {"done": n})


def post(n: int, text: str = "#one #Two") -> Post:
    return Post(str(FIRST + n), "x", 1_483_686_000_000, 1_483_686_000_000, text)


@pytest.fixture
def posts_file(tmp_path: Path) -> Path:
    file = tmp_path / "posts.csv"
    rows = "".join(f"{FIRST + (n << 22)},text {n} #t{n % 50} #T{n % 50} #n{n % 7}\n" for n in range(POSTS))
    file.write_text("id,text\n" + rows)
    return file


def check_each_once(kafka: KafkaSettings) -> None:
    """Every post of the file once, and its uses with it."""
    assert posts_in(kafka) == Counter(str(FIRST + (n << 22)) for n in range(POSTS))
    uses = Counter((message.key() or b"").decode() for message in committed(kafka.bootstrap, kafka.hashtags))
    assert uses == Counter(tag for n in range(POSTS) for tag in (f"t{n % 50}", f"n{n % 7}"))


def test_killed_twice_in_the_middle_and_started_again_every_post_is_there_once(
    settings: Settings, settings_file: Path, posts_file: Path
) -> None:
    written = 0
    for _ in range(2):
        process = started(settings_file, "file", str(posts_file), "--rate", "300/s")
        until(lambda: sum(posts_in(settings.kafka).values()) > written + 100)  # noqa: B023 - called at once
        process.kill()
        code, _, _ = ended(process)
        assert code == -signal.SIGKILL
        written = sum(posts_in(settings.kafka).values())
        assert written < POSTS
    code, out, talk = ended(started(settings_file, "file", str(posts_file), "--json"))
    assert code == 0, talk
    assert 0 < json.loads(out)["posts"] <= POSTS - written
    check_each_once(settings.kafka)
    code, out, talk = ended(started(settings_file, "file", str(posts_file), "--json"))
    assert (code, json.loads(out)["posts"]) == (0, 0)
    assert "Nothing new" in talk


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_by_a_signal_it_commits_what_it_has_and_goes_on_from_there(
    settings: Settings, settings_file: Path, posts_file: Path, number: signal.Signals
) -> None:
    process = started(settings_file, "file", str(posts_file), "--rate", "300/s")
    until(lambda: bool(posts_in(settings.kafka)))
    process.send_signal(number)
    code, _, talk = ended(process)
    assert code == 130
    assert "Traceback" not in talk
    told = f"{sum(posts_in(settings.kafka).values()):,} posts"
    assert f"Written: {told}" in talk
    assert ended(started(settings_file, "file", str(posts_file)))[0] == 0
    check_each_once(settings.kafka)


def test_restart_writes_the_same_posts_again_and_says_so(
    settings: Settings, settings_file: Path, posts_file: Path
) -> None:
    assert ended(started(settings_file, "file", str(posts_file), "--limit", "10"))[0] == 0
    code, _, talk = ended(started(settings_file, "file", str(posts_file), "--limit", "10", "--restart"))
    assert code == 0
    assert "a second time" in talk
    assert posts_in(settings.kafka) == Counter({str(FIRST + (n << 22)): 2 for n in range(10)})


def test_a_second_producer_of_a_source_fences_the_first(settings: Settings) -> None:
    kafka, ingest, stop = settings.kafka, IngestSettings(), threading.Event()
    with Producer(kafka, ingest, PostEncoder(kafka, ingest, AS_IS), "listed") as zombie:
        zombie.run(Listed([post(1)]), {}, stop)
        with Producer(kafka, ingest, PostEncoder(kafka, ingest, AS_IS), "listed") as other:
            with pytest.raises(FencedError, match="taken over"):
                zombie.run(Listed([post(2)]), {}, stop)
            assert other.cursor() == {"done": 1}
            other.run(Listed([post(1)], [post(3)]), other.cursor(), stop)
            assert other.cursor() == {"done": 2}
    assert posts_in(kafka) == Counter([str(FIRST + 1), str(FIRST + 3)])


def test_a_batch_larger_than_the_queue_waits_and_nothing_is_dropped(settings: Settings) -> None:
    many = [post(n, "") for n in range(220_000)]
    with Producer(
        settings.kafka, IngestSettings(), PostEncoder(settings.kafka, IngestSettings(), AS_IS), "listed"
    ) as producer:
        told = producer.run(Listed(many), {}, threading.Event())
    assert told.counts.posts == 220_000
    found = posts_in(settings.kafka)
    assert len(found) == 220_000
    assert set(found.values()) == {1}


def test_the_uses_are_what_the_rule_finds_keyed_by_tag_with_the_hour_cut(settings: Settings) -> None:
    one = Post("7", "x", 1_483_686_123_456, 0, "#Paris #PARIS #東京")
    with Producer(
        settings.kafka, IngestSettings(), PostEncoder(settings.kafka, IngestSettings(), AS_IS), "listed"
    ) as producer:
        producer.run(Listed([one]), {}, threading.Event())
    found = {
        message.key(): json.loads(message.value())
        for message in committed(settings.kafka.bootstrap, settings.kafka.hashtags)
    }
    assert {key.decode() for key in found} == set(tags_of(one)) == {"paris", "東京"}
    assert found[b"paris"] == {"tag": "paris", "hour": "2017-01-06T07", "post": "7", "source": "x", "shown": "Paris"}


def test_a_post_that_is_too_large_becomes_a_reject(settings: Settings, settings_file: Path, tmp_path: Path) -> None:
    file = tmp_path / "large.csv"
    file.write_text(f"id,text\n{FIRST},small\n{FIRST + 1},{'y' * 3_000_000}\n{FIRST + 2},small\n")
    code, out, talk = ended(
        started(settings_file, "file", str(file), "--json", TRENDS_INGEST__MAX_POST_BYTES="2000000")
    )
    assert code == 0, talk
    assert (json.loads(out)["posts"], json.loads(out)["rejects"]) == (2, 1)
    (reject,) = committed(settings.kafka.bootstrap, settings.kafka.rejects)
    assert len(reject.value() or b"") == 2_000_000
    assert b"a post of 6,0" in dict(reject.headers() or [])["reason"]


def test_a_setting_that_was_raised_above_what_the_topic_takes_is_told_with_what_to_do(settings: Settings) -> None:
    raised = settings.ingest.model_copy(update={"max_post_bytes": 2 * settings.ingest.max_post_bytes})
    source = Listed([post(1, os.urandom(settings.ingest.max_post_bytes - 10_000).hex())])
    with Producer(settings.kafka, raised, PostEncoder(settings.kafka, raised, AS_IS), "listed") as producer:
        with pytest.raises(TrendsError, match=r"max\.message\.bytes") as told:
            producer.run(source, producer.cursor(), threading.Event())
        assert not told.value.retriable, "it fails again however often it is started"
        assert producer.run(source, {"done": 1}, threading.Event()).counts.posts == 0


def test_the_largest_post_that_is_allowed_fits(settings: Settings) -> None:
    large = Post(str(FIRST), "x", 1_483_686_000_000, 0, os.urandom(1_900_000).hex())
    with Producer(
        settings.kafka, settings.ingest, PostEncoder(settings.kafka, settings.ingest, AS_IS), "listed"
    ) as producer:
        assert producer.run(Listed([large]), {}, threading.Event()).counts.posts == 1


def test_a_broker_that_is_down_is_said_in_bounded_time(settings_file: Path, posts_file: Path) -> None:
    began = time.monotonic()
    code, _, talk = ended(
        started(settings_file, "file", str(posts_file), TRENDS_KAFKA__BOOTSTRAP="127.0.0.1:1"), seconds=40
    )
    assert code == 1
    assert time.monotonic() - began < 30
    assert "127.0.0.1:1" in talk
    assert "Traceback" not in talk


def test_a_cursor_behind_another_sources_open_transaction_is_waited_for(settings: Settings) -> None:
    kafka = settings.kafka
    other = KafkaProducer({"bootstrap.servers": kafka.bootstrap, "transactional.id": f"other-{kafka.cursors}"})
    other.init_transactions(30)
    other.begin_transaction()
    other.produce(kafka.cursors, b"{}", b"other")
    other.flush(10)
    with Producer(kafka, IngestSettings(), PostEncoder(kafka, IngestSettings(), AS_IS), "listed") as producer:
        producer.run(Listed([post(1)]), {}, threading.Event())
    found: list[Cursor] = []
    reader = threading.Thread(target=lambda: found.append(read_stored_cursor(kafka, "listed").cursor))
    reader.start()
    reader.join(2)
    assert reader.is_alive()
    other.abort_transaction(30)
    reader.join(30)
    assert found == [{"done": 1}]


def test_topics_are_made_once_and_a_broker_that_is_down_is_said(settings: Settings) -> None:
    create_topics(settings.kafka, core_topics(settings.kafka))
    with pytest.raises(UnavailableError, match=r"127\.0\.0\.1:1"):
        create_topics(KafkaSettings(bootstrap="127.0.0.1:1"), core_topics(settings.kafka), timeout_s=1)


def test_a_file_that_was_written_to_a_topic_that_is_gone_is_not_told_as_written(
    settings: Settings, settings_file: Path, tmp_path: Path
) -> None:
    file = tmp_path / "few.csv"
    file.write_text("id,text\n" + "".join(f"{FIRST + (n << 22)},#t\n" for n in range(5)))
    assert ended(started(settings_file, "file", str(file)))[0] == 0
    before, now = recreate(settings, settings.kafka.posts)
    code, _, talk = ended(started(settings_file, "file", str(file)))
    assert code == 1
    assert all(word in talk for word in ("recreated", before, now, "--restart"))
    assert ended(started(settings_file, "file", str(file), "--restart"))[0] == 0
    assert posts_in(settings.kafka).total() == 5
    assert "Nothing new" in ended(started(settings_file, "file", str(file)))[2]


def test_a_cursor_of_the_version_before_names_no_topic_and_is_gone_on_from(settings: Settings) -> None:
    source = Listed([post(1)], [post(2)])
    with Producer(
        settings.kafka, IngestSettings(), PostEncoder(settings.kafka, IngestSettings(), AS_IS), "listed"
    ) as producer:
        producer.run(source, {}, threading.Event())
        assert producer.stored_cursor() == ({"done": 2}, producer.topic_id)
    kafka = KafkaProducer({"bootstrap.servers": settings.kafka.bootstrap})
    kafka.produce(settings.kafka.cursors, b'{"done":1}', b"listed")
    assert kafka.flush(30) == 0
    with Producer(
        settings.kafka, IngestSettings(), PostEncoder(settings.kafka, IngestSettings(), AS_IS), "listed"
    ) as producer:
        assert producer.stored_cursor() == ({"done": 1}, "")
        producer.run(source, producer.cursor(), threading.Event())
    assert posts_in(settings.kafka) == Counter({str(FIRST + 1): 1, str(FIRST + 2): 2})


def test_after_the_topic_of_cursors_was_recreated_a_file_is_read_from_its_beginning(
    settings: Settings, settings_file: Path, tmp_path: Path
) -> None:
    file = tmp_path / "few.csv"
    file.write_text("id,text\n" + "".join(f"{FIRST + (n << 22)},#t\n" for n in range(5)))
    assert ended(started(settings_file, "file", str(file)))[0] == 0
    recreate(settings, settings.kafka.cursors)
    assert "Written: 5 posts" in ended(started(settings_file, "file", str(file)))[2]
    assert set(posts_in(settings.kafka).values()) == {2}, "the batch layer counts each id once"
