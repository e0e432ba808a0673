"""What waits on Kafka is archived in few large chunks, however long each of its posts has waited."""

import threading

from batch_layer.archive.archiver import Archiver
from batch_layer.archive.upkeep import ledger_of
from config.settings import Settings
from tests.end_to_end.waiting import until
from tests.integration.posting import (
    Running,
    Sender,
    archived,
    assert_exactly_once,
    some_posts,
    with_archive,
)

AT_ONCE = {"flush_after_s": 0.001, "flush_records": 5_000}


def test_partitions_far_behind_make_one_chunk_each_though_every_post_is_overdue(settings: Settings) -> None:
    posts = some_posts(9_000)
    sender = Sender(settings)
    for partition in range(settings.kafka.partitions):
        sender.send(posts[partition :: settings.kafka.partitions], partition=partition)

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
