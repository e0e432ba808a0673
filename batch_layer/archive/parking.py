"""Parking: rejects of a chunk go to Kafka before the chunk is committed.

At least once: a chunk that is flushed again sends its rejects again. They are told apart from others by their `where`,
which names the message: `posts/3@1200`.
"""

from collections.abc import Sequence

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from batch_layer.archive.partitions import UNKNOWN_TOPIC, unavailable
from config.errors import TrendsError
from config.settings import Settings
from ingest.kafka import client
from ingest.kafka.topics import OVERHEAD_BYTES
from ingest.rejects.reject import message
from ingest.wire import Reject

DELIVERY_S = 15.0
"""Longest wait for a reject to be delivered."""


class Parking:
    """Sends rejects. It connects when there is a first one."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._producer: Producer | None = None

    def send(self, rejects: Sequence[Reject]) -> None:
        """Return when all are delivered. Raises `UnavailableError`, and then some may be."""
        if not rejects:
            return
        failed: list[KafkaError] = []

        def delivered(error: KafkaError | None, _: Message) -> None:
            if error is not None:
                failed.append(error)

        producer = self._connected()
        for reject in rejects:
            self._produce(producer, reject, delivered)
        producer.flush()  # ends, since each message is delivered or given up after DELIVERY_S
        if failed:
            raise _undelivered(self._settings, failed[0])

    def _produce(self, producer: Producer, reject: Reject, delivered: object) -> None:
        try:
            while True:
                try:
                    producer.produce(**message(self._settings.kafka, reject), on_delivery=delivered)
                    return
                except BufferError:
                    producer.poll(0.1)
        except KafkaException as error:
            raise _undelivered(self._settings, error.args[0]) from None

    def _connected(self) -> Producer:
        if self._producer is None:
            self._producer = Producer(
                {
                    "bootstrap.servers": self._settings.kafka.bootstrap,
                    "client.id": "trends-archive",
                    "enable.idempotence": True,
                    "compression.type": "zstd",
                    "message.timeout.ms": int(DELIVERY_S * 1000),
                    "message.max.bytes": self._settings.ingest.max_post_bytes + OVERHEAD_BYTES,
                },
                logger=client.logger,
            )
        return self._producer


def _undelivered(settings: Settings, error: KafkaError) -> TrendsError:
    where = f"{settings.kafka.bootstrap} {settings.kafka.rejects}"
    if error.code() in {KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.UNKNOWN_TOPIC_OR_PART, UNKNOWN_TOPIC}:
        return TrendsError(f"a reject can't be parked: {error.str()}", where=where, next_step="`trends up` sets topics")
    return unavailable(settings.kafka, KafkaException(error))
