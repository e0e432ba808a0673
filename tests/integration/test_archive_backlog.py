"""What waits on Kafka is archived in few large chunks, however long each of its posts has waited."""

import threading
import time
from collections.abc import Sequence

from batch_layer.archive.archiver import Archiver
from batch_layer.archive.reading.ledger import ledger_of
from config.settings import Settings
from ingest.post import Post
from tests.support.posts import (
    Running,
    Sender,
    archived,
    assert_exactly_once,
    some_posts,
    with_archive,
)
from tests.support.wait import until

AT_ONCE = {"flush_after_s": 0.001, "flush_records": 5_000}


def test_partitions_far_behind_make_one_chunk_each_though_every_post_is_overdue(settings: Settings) -> None:
    posts = some_posts(9_000)
    spread(settings, posts)

    Archiver(with_archive(settings, **AT_ONCE)).run(until_drained=True, stop=threading.Event())

    assert [len(chunks) for chunks in ledger_of(settings).partitions] == [1] * settings.kafka.partitions
    assert_exactly_once(settings, posts)


def test_after_a_backlog_new_posts_of_every_partition_are_archived_by_the_wall_clock(settings: Settings) -> None:
    posts = some_posts(9_000 + 60)
    sender = Sender(settings)
    sender.send(posts[:9_000], partition=0)
    with Running(with_archive(settings, **AT_ONCE)):
        until(lambda: archived(settings) == 9_000, lambda: archived(settings), 60)
        sender.send(posts[9_000:])
        until(lambda: archived(settings) == len(posts), lambda: archived(settings), 60)
    assert_exactly_once(settings, posts)


def test_an_archiver_that_joins_in_the_middle_of_a_backlog_takes_its_share(settings: Settings) -> None:
    posts = some_posts(60_000)
    spread(settings, posts)
    small = with_archive(settings, flush_records=2_000)
    with Running(small, after_step=slow) as first:
        until(lambda: archived(settings) > 0, lambda: archived(settings), 60)
        with Running(small) as second:
            until(lambda: archived(settings) == 60_000, lambda: archived(settings), 120)
    assert (first.error, second.error) == (None, None)
    assert second.archiver.summary.posts > 0, "all was archived before the second had joined"
    assert_exactly_once(settings, posts)


def slow(step: str) -> None:
    if step == "write":
        time.sleep(0.5)


def spread(settings: Settings, posts: Sequence[Post]) -> None:
    """Send as many posts to each partition."""
    sender = Sender(settings)
    for partition in range(settings.kafka.partitions):
        sender.send(posts[partition :: settings.kafka.partitions], partition=partition)
