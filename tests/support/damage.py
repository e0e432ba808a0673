"""Damage: chunks in an archive, and what an operator can delete from Kafka."""

from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from batch_layer.archive.paths import Paths
from config.settings import Settings
from ingest.post import Post
from tests.support.posts import (
    Sender,
    archive_all,
    some_posts,
)


def three_chunks(settings: Settings) -> list[Post]:
    """Three chunks in partition 1, at offsets 0, 10 and 21; offsets 10, 21 and 32 are markers of transactions."""
    sender, posts = Sender(settings), some_posts(30)
    for first in range(0, 30, 10):
        sender.send(posts[first : first + 10], partition=1)
        archive_all(settings)
    return posts


def manifest_of(settings: Settings, partition: int, start: int) -> str:
    return Paths(settings.hdfs.root, settings.kafka.posts).commit(partition, start)


def delete_from_kafka(settings: Settings, partition: int, before: int) -> None:
    admin = AdminClient({"bootstrap.servers": settings.kafka.bootstrap})
    for deleted in admin.delete_records([TopicPartition(settings.kafka.posts, partition, before)]).values():
        deleted.result(30)
