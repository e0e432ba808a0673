"""Kafka offsets: the offsets of `posts` that Kafka still has, to compare with the archive."""

from array import array

from config.errors import UnavailableError
from config.settings import KafkaSettings
from ingest.kafka.client import ANSWER_S, consumer
from ingest.kafka.offsets import offset_range
from ingest.kafka.reading import OffsetGoneError, messages

TRIES = 5


def kafka_offsets(kafka: KafkaSettings, partition: int, end: int) -> tuple[int, "array[int]"]:
    """The first offset that Kafka has of a partition, and every offset below `end` of a committed message.

    Retention may delete messages during the read: then it begins again at the first remaining one. Raises
    `UnavailableError` if Kafka does not answer, or sends nothing for a while.
    """
    reader = consumer(kafka, f"{kafka.posts}.reader")
    try:
        for _ in range(TRIES):
            low, _high = offset_range(reader, kafka, kafka.posts, partition)
            try:
                until, since = {partition: end}, {partition: low}
                left = messages(reader, kafka, kafka.posts, until, since=since, timeout_s=ANSWER_S)
                return low, array("q", (message.offset() for message in left))
            except OffsetGoneError:
                continue
        raise UnavailableError("Kafka deletes messages faster than they are read", where=f"{kafka.posts}/{partition}")
    finally:
        reader.close()
