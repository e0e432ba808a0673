"""The archiver on real Kafka and HDFS: each post once, whatever dies and whenever."""

import csv
import json
import logging
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient

from batch_layer.archive.archiver import Archiver
from batch_layer.archive.reading.lag import archive_lag
from batch_layer.archive.reading.ledger import ledger_of
from batch_layer.checks.verify import verify_archive
from batch_layer.storage.webhdfs import HdfsStore
from config.settings import Settings
from ingest.hours import Hour
from ingest.post import Post
from ingest.wire import encode
from tests.support.posts import (
    PAST,
    Running,
    Sender,
    archive_all,
    archived,
    assert_exactly_once,
    ids_of,
    records_read,
    some_posts,
    with_archive,
)
from tests.support.wait import until

STEPS = ["write", "upload", "commit", "place", "acknowledge"]


class CrashError(BaseException):
    """The archiver dies here."""


@pytest.mark.parametrize("fatal", STEPS)
def test_a_crash_after_any_step_loses_nothing_doubles_nothing_and_leaves_no_orphan(
    settings: Settings, fatal: str
) -> None:
    posts = some_posts(300)
    Sender(settings).send(posts)

    def die(step: str) -> None:
        if step == fatal:
            raise CrashError

    with pytest.raises(CrashError):
        Archiver(settings, after_step=die).run(until_drained=True, stop=threading.Event())
    if fatal in ("upload", "commit"):
        assert uncommitted(settings), "nothing was left that could be an orphan"
    summary = archive_all(settings)
    assert uncommitted(settings) == []
    assert (summary.posts < 300) == (STEPS.index(fatal) >= STEPS.index("commit"))
    assert_exactly_once(settings, posts)


def uncommitted(settings: Settings) -> list[str]:
    return [entry.name for entry in HdfsStore(settings.hdfs).entries(f"{settings.hdfs.root}/_tmp")]


def test_a_reader_finishes_what_a_dead_archiver_has_committed(settings: Settings) -> None:
    posts = some_posts(50)
    Sender(settings).send(posts, partition=0)

    def die(step: str) -> None:
        if step == "commit":
            raise CrashError

    with pytest.raises(CrashError):
        Archiver(settings, after_step=die).run(until_drained=True, stop=threading.Event())
    assert ids_of(ledger_of(settings)) == Counter(post.id for post in posts)


def test_two_archivers_that_own_the_same_partitions_archive_each_post_once(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    small = with_archive(settings, flush_records=100, flush_after_s=0.2)
    other = small.model_copy(update={"kafka": small.kafka.model_copy(update={"archive_group": "another"})})
    sender, posts, sent = Sender(settings), some_posts(10_000), 0
    with caplog.at_level(logging.WARNING), Running(small) as one, Running(other) as two:
        while sent < 2_000 or (sent < len(posts) and "another archiver has committed" not in caplog.text):
            sender.send(posts[sent : sent + 200])
            sent += 200
        until(lambda: archived(settings) == sent, lambda: archived(settings), 60)
    assert (one.error, two.error) == (None, None)
    assert one.archiver.summary.posts + two.archiver.summary.posts == sent
    assert "another archiver has committed" in caplog.text
    assert_exactly_once(settings, posts[:sent])


def test_a_quiet_topic_is_archived_by_the_wall_clock(settings: Settings) -> None:
    posts = some_posts(3)
    with Running(with_archive(settings, flush_after_s=1)):
        Sender(settings).send(posts)
        until(lambda: archived(settings) == 3, lambda: archived(settings), 60)
    assert_exactly_once(settings, posts)


def test_a_clean_stop_archives_what_was_read(settings: Settings) -> None:
    posts = some_posts(30)
    Sender(settings).send(posts)
    with Running(settings) as running:
        until(lambda: records_read(running) == 30, lambda: records_read(running), 60)
        assert archived(settings) == 0
    assert running.archiver.summary.posts == 30
    assert_exactly_once(settings, posts)


def test_archivers_share_the_partitions_and_take_over_from_one_another(settings: Settings) -> None:
    quick = with_archive(settings, flush_after_s=0.5)
    sender, posts = Sender(settings), some_posts(900)
    with Running(quick) as first:
        sender.send(posts[:300])
        with Running(quick) as second:
            until(lambda: bool(second.archiver.runner.chunks), lambda: "the second owns nothing", 60)
            assert len(first.archiver.runner.chunks) < 3
            sender.send(posts[300:600])
            until(lambda: archived(settings) == 600, lambda: archived(settings), 60)
        until(lambda: len(first.archiver.runner.chunks) == 3, lambda: "the first has not taken over", 60)
        sender.send(posts[600:])
        until(lambda: archived(settings) == 900, lambda: archived(settings), 60)
    assert second.archiver.summary.posts > 0
    assert_exactly_once(settings, posts)


def test_offsets_that_kafka_has_deleted_are_told_and_counted(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    sender, posts = Sender(settings), some_posts(30)
    sender.send(posts[:10], partition=1)
    archive_all(settings)
    sender.send(posts[10:20], partition=1)
    sender.send(posts[20:], partition=1)
    admin = AdminClient({"bootstrap.servers": settings.kafka.bootstrap})
    for deleted in admin.delete_records([TopicPartition(settings.kafka.posts, 1, 22)]).values():
        deleted.result(30)
    with caplog.at_level(logging.ERROR):
        summary = archive_all(settings)
    assert (summary.gaps, summary.posts) == (12, 10)  # offset 10 is the marker of the first transaction
    assert "deleted offsets 10 to 21" in caplog.text.replace("before they", "")
    ledger = ledger_of(settings)
    assert [(m.kind, m.start, m.next) for m in ledger.partitions[1]] == [
        ("chunk", 0, 10),
        ("gap", 10, 22),
        ("chunk", 22, 32),
    ]
    assert ids_of(ledger) == Counter(post.id for post in [*posts[:10], *posts[20:]])
    (bad,) = [finding for finding in verify_archive(settings, None) if not finding.ok]
    assert "offsets 10 to 21 were deleted" in bad.what


def test_poison_goes_to_rejects_and_its_neighbours_are_archived(settings: Settings) -> None:
    posts = some_posts(5)
    sender = Sender(settings)
    poison: list[bytes | None] = [b"\xff", None, encode(Post("1", "x", 9_224_318_015_999_000, 0, "#a")), b'{"id":1}']
    sender.send(posts[:2], partition=0)
    sender.send_bytes(poison, partition=0)
    sender.send(posts[2:], partition=0)
    summary = archive_all(settings)
    assert (summary.posts, summary.rejected) == (5, 4)
    assert rejects(settings) == {
        f"{settings.kafka.posts}/0@{offset}": value or b"" for offset, value in enumerate(poison, start=3)
    }
    assert_exactly_once(settings, posts)


def test_killed_in_the_middle_of_a_load_and_started_again_it_goes_on(settings: Settings, settings_file: Path) -> None:
    posts = some_posts(6_000, hours=5)
    sender = Sender(settings)
    sender.send(posts[:3_000])
    environment = os.environ | {
        "TRENDS_CONFIG": str(settings_file),
        "TRENDS_ARCHIVE__FLUSH_RECORDS": "200",
        "TRENDS_ARCHIVE__FLUSH_AFTER_S": "0.5",
    }
    command = [str(Path(sys.executable).parent / "trends"), "archive"]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    try:
        until(lambda: archived(settings) > 0, process.poll, 60)
        sender.send(posts[3_000:])
    finally:
        process.send_signal(signal.SIGKILL)
    assert process.wait(30) == -signal.SIGKILL
    before = archived(settings)
    assert 0 < before < 6_000, "it was killed in the middle"
    again = subprocess.run(
        [*command, "--until-drained", "--json"], env=environment, capture_output=True, check=True, timeout=120
    )
    assert json.loads(again.stdout)["posts"] == 6_000 - before
    assert_exactly_once(settings, posts)


def test_an_open_chunk_of_several_hours_gives_a_file_for_each(settings: Settings) -> None:
    posts = [*some_posts(100, hours=4), *some_posts(1, since=PAST - 10 * 3_600_000)]
    Sender(settings).send(posts, partition=2)
    summary = archive_all(settings)
    assert (summary.chunks, summary.files, len(summary.hours)) == (1, 5, 5)
    assert_exactly_once(settings, posts)


def test_the_lag_is_what_is_not_archived_and_nothing_once_it_is_drained(settings: Settings) -> None:
    Sender(settings).send(some_posts(10), partition=0)
    assert archive_lag(settings.kafka, ledger_of(settings)) == {0: 11, 1: 0, 2: 0}
    archive_all(settings)
    assert archive_lag(settings.kafka, ledger_of(settings)) == {0: 0, 1: 0, 2: 0}


def test_the_boston_file_is_archived_hour_by_hour(settings: Settings, test_data: Path) -> None:
    (path,) = (test_data / "crisislex_t6").glob("*[Bb]oston*.csv")
    with path.open(newline="", encoding="utf-8") as lines:
        rows = list(csv.reader(lines))[1:]
    posts = []
    for number, text, *_ in rows:
        post_id = number.strip("'")
        at = (int(post_id) >> 22) + 1_288_834_974_657
        posts.append(Post(post_id, "x", at, at, text, tags=("a", "b")))
    Sender(settings).send(posts)
    summary = archive_all(settings)
    ledger = ledger_of(settings)
    assert summary.posts == len(rows)
    assert {hour: ledger.posts(hour) for hour in ledger.hours()} == Counter(Hour.of(p.created_at) for p in posts)
    assert ids_of(ledger) == Counter(post.id for post in posts)


def rejects(settings: Settings) -> dict[str, bytes]:
    """The value of each reject by its place."""
    consumer = Consumer(
        {
            "bootstrap.servers": settings.kafka.bootstrap,
            "group.id": "test",
            "auto.offset.reset": "earliest",
            "enable.partition.eof": True,
        }
    )
    consumer.subscribe([settings.kafka.rejects])
    found: dict[str, bytes] = {}
    ends = 0
    partitions = len(consumer.list_topics(settings.kafka.rejects, timeout=10).topics[settings.kafka.rejects].partitions)
    while ends < partitions:
        for message in consumer.consume(100, 0.5):
            if message.error():
                ends += 1
            else:
                found[dict(message.headers())["where"].decode()] = message.value() or b""
    consumer.close()
    return found
