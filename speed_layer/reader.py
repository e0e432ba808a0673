"""Reader: the messages of one Kafka partition from an offset on. A new start is a new reader, never a seek.

So no message from before the start can come after it, and one partition that waits holds up no other.
"""

import logging

from confluent_kafka import OFFSET_BEGINNING, KafkaException, TopicPartition

from config.errors import TrendsError
from config.settings import KafkaSettings
from ingest.kafka import client
from ingest.kafka.client import CONNECTION_LOST, unavailable
from ingest.kafka.offsets import OffsetRange, offset_range
from speed_layer.fold import Message

log = logging.getLogger(__name__)

GROUP = "speed"
"""The client demands a group; nothing is committed to it."""
_OPTIONS = {
    "enable.partition.eof": False,
    "queued.min.messages": 50_000,
    "queued.max.messages.kbytes": 16_384,
    "reconnect.backoff.max.ms": 1_000,
}


class Reader:
    """Committed messages of one partition. Kafka's own consumer groups and offsets take no part."""

    def __init__(self, settings: KafkaSettings, partition: int) -> None:
        self._settings = settings
        self._name = f"{settings.hashtags}/{partition}"
        self._at = TopicPartition(settings.hashtags, partition, OFFSET_BEGINNING)
        self._consumer = client.consumer(settings, GROUP, _OPTIONS)

    def start(self, offset: int) -> int:
        """Read from an offset on; the real begin, which is later if retention has deleted messages.

        Raises `UnavailableError` if the brokers do not answer, and `TrendsError` if the topic ends before the offset.
        """
        low, high = self._range()
        if offset > high:
            raise TrendsError(
                f"counted up to {offset}, and the topic ends at {high}: it was deleted and recreated",
                where=self._name,
                next_step="This Kafka gives topics no ids: empty `lanes` and `progress` while no topology runs",
            )
        if offset < low:
            log.error(
                "%s: messages %d to %d were deleted before they were counted (retention): the speed view lacks them "
                "until the batch layer has their hours",
                *(self._name, offset, low - 1),
            )
        self._at.offset = max(offset, low)
        self._consumer.assign([self._at])
        return int(self._at.offset)

    def end(self) -> int:
        """The end of the partition, commit markers included. Raises `UnavailableError`."""
        return self._range().high

    def read(self, most: int, wait_s: float) -> list[Message]:
        """Up to `most` messages, ascending, after at most `wait_s`. Raises `UnavailableError`."""
        try:
            events = self._consumer.consume(most, wait_s)
        except KafkaException as error:
            raise unavailable(self._settings, self._name, error) from None
        messages = [(message.offset(), message.value()) for message in events if message.error() is None]
        for message in events if len(messages) < len(events) else ():
            if message.error() is not None and message.error().code() not in CONNECTION_LOST:
                raise unavailable(self._settings, self._name, message.error())
        return messages

    def close(self) -> None:
        """Close its connections."""
        self._consumer.close()

    def _range(self) -> OffsetRange:
        return offset_range(self._consumer, self._settings, self._at.topic, self._at.partition)
