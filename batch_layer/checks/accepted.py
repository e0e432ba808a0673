"""Accepted: the offsets of `posts` that Kafka still has, read from Kafka alone, for comparison with the archive."""

from array import array
from time import monotonic

from confluent_kafka import Consumer, KafkaException, TopicPartition

from batch_layer.archive.partitions import (
    ASK_S,
    BATCH,
    OUT_OF_RANGE,
    PARTITION_EOF,
    WAIT_S,
    consumer_config,
    unavailable,
)
from config.errors import UnavailableError
from config.settings import KafkaSettings
from ingest.kafka import client

TRIES = 5


def accepted(kafka: KafkaSettings, partition: int, end: int) -> tuple[int, "array[int]"]:
    """The first offset that Kafka has of a partition, and every offset below `end` of a committed message.

    Retention may delete messages while they are read: then it begins again at the first that is left. Raises
    `UnavailableError` where Kafka does not answer, or nothing comes for a while.
    """
    consumer = Consumer(consumer_config(kafka) | {"group.id": f"{kafka.archive_group}-verify"}, logger=client.logger)
    try:
        for _ in range(TRIES):
            low, _high = consumer.get_watermark_offsets(TopicPartition(kafka.posts, partition), ASK_S)
            if low >= end:
                return low, array("q")
            consumer.assign([TopicPartition(kafka.posts, partition, low)])
            if (there := _read(kafka, consumer, end)) is not None:
                return low, there
        raise UnavailableError("Kafka deletes messages faster than they are read", where=f"{kafka.posts}/{partition}")
    except KafkaException as error:
        raise unavailable(kafka, error) from None
    finally:
        consumer.close()


def _read(kafka: KafkaSettings, consumer: Consumer, end: int) -> "array[int] | None":
    """Offsets from where the consumer stands; None where the next one has been deleted."""
    offsets = array("q")
    deadline = monotonic() + ASK_S
    while monotonic() < deadline:
        for message in consumer.consume(BATCH, WAIT_S):
            deadline = monotonic() + ASK_S
            error = message.error()
            if error is None and message.offset() < end:
                offsets.append(message.offset())
            elif error is None or error.code() == PARTITION_EOF:
                return offsets
            elif error.code() == OUT_OF_RANGE:
                return None
            elif error.fatal():
                raise unavailable(kafka, KafkaException(error))
    raise UnavailableError("Kafka sends nothing more", where=f"{kafka.bootstrap} {kafka.posts}")
