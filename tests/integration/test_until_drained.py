"""`--until-drained`: the group has archived everything that was there when it was asked, whoever did it."""

import json
import threading
from pathlib import Path

import pytest

from batch_layer.archive.archiver import Archiver
from config.settings import Settings
from ingest.kafka.topics import core_topics, create_topics
from tests.support.commands import run_trends
from tests.support.posts import (
    Running,
    Sender,
    archive_all,
    archived,
    assert_exactly_once,
    records_read,
    some_posts,
    with_archive,
)
from tests.support.wait import until


def test_beside_an_archiver_that_has_the_partitions_it_waits_until_that_one_has_archived_them(
    settings: Settings,
) -> None:
    sender, posts = Sender(settings), some_posts(60)
    with Running(with_archive(settings, flush_after_s=4)) as running:
        until(lambda: len(running.archiver.runner.chunks) == 3, lambda: "it owns nothing yet", 60)
        sender.send(posts)
        until(lambda: records_read(running) == 60, lambda: records_read(running), 60)
        assert archived(settings) == 0, "what the other has read is not archived yet"
        summary = archive_all(settings)
        assert archived(settings) == 60
    assert summary.posts + summary.by_others == 60
    assert_exactly_once(settings, posts)


def test_a_member_that_is_given_no_partition_waits_for_those_who_have_them(settings: Settings) -> None:
    other = {"posts": f"{settings.kafka.posts}-1", "partitions": 1}
    one = settings.model_copy(update={"kafka": settings.kafka.model_copy(update=other)})
    create_topics(one.kafka, core_topics(one.kafka))
    posts = some_posts(20)
    with Running(with_archive(one, flush_after_s=5)) as running:
        until(lambda: len(running.archiver.runner.chunks) == 1, lambda: "it owns nothing yet", 60)
        Sender(one).send(posts)
        summary = archive_all(one)
        assert archived(one) == 20
    assert (summary.posts, summary.by_others) == (0, 20)


def test_it_ends_although_posts_keep_coming(settings: Settings) -> None:
    sender, stop = Sender(settings), threading.Event()
    sender.send(some_posts(300))

    def keep_sending() -> None:
        while not stop.is_set():
            sender.send(some_posts(20))

    stream = threading.Thread(target=keep_sending)
    stream.start()
    try:
        summary = archive_all(settings)
    finally:
        stop.set()
        stream.join(30)
    assert summary.posts >= 300
    assert summary.chunks <= 12, "a partition that has reached its end is not flushed for each post that comes later"


def test_what_is_archived_already_needs_nobody(settings: Settings) -> None:
    Sender(settings).send(some_posts(10))
    archive_all(settings)
    summary = Archiver(settings).run(until_drained=True, stop=threading.Event())
    assert (summary.posts, summary.by_others) == (0, 0)


@pytest.mark.parametrize("as_json", [True, False])
def test_a_command_that_had_nothing_to_do_says_so(settings: Settings, settings_file: Path, as_json: bool) -> None:
    done = run_trends(settings_file, "archive", "--until-drained", *(["--json"] if as_json else []))
    assert done.returncode == 0
    assert "Nothing to archive" in done.stderr
    if as_json:
        assert json.loads(done.stdout)["posts"] == 0


def test_a_batch_run_never_says_final_where_nothing_is_archived(settings: Settings, settings_file: Path) -> None:
    quiet = {"TRENDS_ARCHIVE__IDLE_AFTER_S": "3600"}
    first = run_trends(settings_file, "batch", "run", **quiet)
    assert "the archive is empty" in first.stderr
    Sender(settings).send(some_posts(10, hours=1))
    second = run_trends(settings_file, "batch", "run", **quiet)
    assert "the archive is empty" in second.stderr
    assert "trends archive --until-drained" in second.stderr
    archive_all(settings)
    third = run_trends(settings_file, "batch", "run", **quiet)
    assert "no archived hour is complete: " in third.stderr
    for told in (first, second, third):
        assert told.returncode == 0
        assert "is final" not in told.stderr
