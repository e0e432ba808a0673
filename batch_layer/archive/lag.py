"""Lag: how far the archive is behind Kafka, for `trends status`."""

from confluent_kafka import Consumer, KafkaException, TopicPartition

from batch_layer.archive.ledger import Ledger
from batch_layer.archive.partitions import ASK_S, consumer_config, unavailable
from batch_layer.archive.watermark import drained
from config.settings import KafkaSettings


def archive_lag(kafka: KafkaSettings, ledger: Ledger) -> dict[int, int]:
    """For each partition of `posts`, the offsets that are not archived, commit markers among them; 0 where drained.

    Raises `UnavailableError`.
    """
    covered = dict(enumerate(ledger.covered))
    still = drained(kafka, covered)
    consumer = Consumer(consumer_config(kafka) | {"group.id": f"{kafka.archive_group}-lag"})
    try:
        ends = {p: consumer.get_watermark_offsets(TopicPartition(kafka.posts, p), ASK_S)[1] for p in covered}
    except KafkaException as error:
        raise unavailable(kafka, error) from None
    finally:
        consumer.close()
    return {p: 0 if p in still else max(0, end - covered[p]) for p, end in ends.items()}
