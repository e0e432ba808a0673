"""DeadLetters: the producer of rejects, for each stage that passes its input only after Kafka has its rejects.

At least once: a stage that reads its input again sends its rejects again. `where` names the message, for example
`posts/3@1200`, so a reader tells a second copy from another reject.
"""

import logging
from collections.abc import Sequence
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from config.errors import TrendsError
from config.quantity import quantity
from config.settings import KafkaSettings, Settings
from ingest.kafka import client
from ingest.kafka.client import UNKNOWN_TOPIC, unavailable
from ingest.kafka.topics import OVERHEAD_BYTES
from ingest.wire import Reject

DELIVERY_S = 15.0
"""Longest wait for the delivery of a reject, seconds."""

_log = logging.getLogger(__name__)


class DeadLetters:
    """Sends rejects. It connects when there is a first one."""

    def __init__(self, settings: Settings) -> None:
        self._kafka = settings.kafka
        self._max_post_bytes = settings.ingest.max_post_bytes
        self._producer: Producer | None = None

    def send(self, rejects: Sequence[Reject]) -> None:
        """Return once every replica has them all.

        Raises `UnavailableError`, and then Kafka may have some; `TrendsError` if the topic does not take them.
        """
        if not rejects:
            return
        failures: list[KafkaError] = []

        def on_delivery(error: KafkaError | None, _: Message) -> None:
            if error is not None:
                failures.append(error)

        producer = self._connect()
        try:
            for reject in rejects:
                client.produce(producer, message(self._kafka, reject) | {"on_delivery": on_delivery})
        except KafkaException as error:
            raise self._translate_error(error.args[0]) from None
        producer.flush()  # ends, since the client gives up each message after DELIVERY_S
        if failures:
            raise self._translate_error(failures[0])
        _log.warning("%s sent to topic %s", quantity(len(rejects), "reject"), self._kafka.rejects)

    def _connect(self) -> Producer:
        if self._producer is None:
            options = {
                "client.id": "trends-rejects",
                "enable.idempotence": True,
                "compression.type": "zstd",
                "message.timeout.ms": int(DELIVERY_S * 1000),
                "message.max.bytes": self._max_post_bytes + OVERHEAD_BYTES,
            }
            self._producer = client.producer(self._kafka, options)
        return self._producer

    def _translate_error(self, error: KafkaError) -> TrendsError:
        if error.code() in {KafkaError.MSG_SIZE_TOO_LARGE, *UNKNOWN_TOPIC}:
            return TrendsError(
                f"the topic does not take a reject: {error.str()}",
                where=f"topic {self._kafka.rejects} of Kafka at {self._kafka.bootstrap}",
                next_step="`trends up` creates the topics",
            )
        return unavailable(self._kafka, self._kafka.rejects, error)


def message(settings: KafkaSettings, reject: Reject) -> dict[str, Any]:
    """The keyword arguments of `confluent_kafka.Producer.produce` for one reject.

    The bytes may be as large as the largest post: a producer of rejects needs a `message.max.bytes` to match.
    """
    return {"topic": settings.rejects, "value": reject.raw, "headers": reject.headers}
