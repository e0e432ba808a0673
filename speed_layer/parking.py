"""Parking: rejects of the speed layer, kept in Kafka before progress passes them."""

import logging
from collections.abc import Sequence

from confluent_kafka import KafkaError, Message, Producer

from config.errors import UnavailableError
from config.quantity import quantity
from config.settings import Settings
from ingest.kafka import client
from ingest.kafka.topics import OVERHEAD_BYTES
from ingest.rejects import reject as rejects
from ingest.wire import Reject

log = logging.getLogger(__name__)

DELIVERED_S = 10.0
_AT_ONCE = 1_000


class Parking:
    """Writes rejects and waits until every replica has them. A crash may write one twice, never lose it."""

    def __init__(self, settings: Settings) -> None:
        self._kafka = settings.kafka
        self._producer = Producer(
            {
                "bootstrap.servers": settings.kafka.bootstrap,
                "enable.idempotence": True,
                "compression.type": "zstd",
                "message.max.bytes": settings.ingest.max_post_bytes + OVERHEAD_BYTES,
                "delivery.timeout.ms": int(DELIVERED_S * 1000),
            },
            logger=client.logger,
        )

    def park(self, parked: Sequence[Reject]) -> None:
        """Keep rejects for good. Raises `UnavailableError`."""
        refused: list[KafkaError] = []

        def delivered(error: KafkaError | None, _: Message) -> None:
            if error is not None:
                refused.append(error)

        for begin in range(0, len(parked), _AT_ONCE):
            for reject in parked[begin : begin + _AT_ONCE]:
                self._producer.produce(**rejects.message(self._kafka, reject), on_delivery=delivered)
            left = self._producer.flush(DELIVERED_S + 1)
            if left or refused:
                why = refused[0].str() if refused else f"not delivered: {quantity(left, 'message')}"
                raise UnavailableError(why, where=f"Kafka topic {self._kafka.rejects}", next_step="See `trends status`")
        if parked:
            log.warning("not readable: %s, in %s now", quantity(len(parked), "message"), self._kafka.rejects)
