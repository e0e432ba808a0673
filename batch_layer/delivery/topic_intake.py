"""TopicIntake: a Kafka topic, read by the members of a consumer group."""

from collections.abc import Callable, Iterable, Mapping

from confluent_kafka import KafkaError
from confluent_kafka import Message as KafkaMessage

from batch_layer.delivery.intake import AtEnd, Event, Overtaken, Trouble
from config.errors import TrendsError, UnavailableError
from config.settings import KafkaSettings
from ingest.kafka.client import OFFSET_IS_GONE, PARTITION_EOF
from ingest.kafka.consumer import GroupConsumer
from ingest.kafka.message import Message
from ingest.kafka.offsets import OffsetRange, ends
from ingest.kafka.reading import drained_until

_GONE = {OFFSET_IS_GONE, KafkaError.OFFSET_OUT_OF_RANGE}
_FATAL = {KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError.TOPIC_AUTHORIZATION_FAILED}


class TopicIntake:
    """See `Intake`."""

    def __init__(self, settings: KafkaSettings, topic: str, group: str) -> None:
        self._settings = settings
        self._topic = topic
        self._lost: Callable[[int], None] = lambda _: None
        self._consumer = GroupConsumer(settings, topic, group, self._lose)
        self.read_alone = self._consumer.read_alone
        self.lag = self._consumer.lag
        self.seek = self._consumer.seek
        self.close = self._consumer.close
        self.acknowledge = self._consumer.acknowledge
        self.membership = self._consumer.membership

    @property
    def owned(self) -> set[int]:
        """See `Intake`."""
        return self._consumer.owned

    def join(self, lost: Callable[[int], None]) -> int:
        """See `Intake`."""
        self._lost = lost
        return self._consumer.join()

    def read(self) -> list[Event]:
        """See `Intake`."""
        return list(map(self._event, self._consumer.read()))

    def wait(self, seconds: float, take: Callable[[Event], None], stop: Callable[[], bool]) -> None:
        """See `Intake`."""
        self._consumer.wait(seconds, lambda message: take(self._event(message)), stop)

    def offsets(self, partition: int) -> OffsetRange:
        """See `Intake`."""
        return self._consumer.offsets(partition)

    def ends(self, partitions: Iterable[int]) -> dict[int, int]:
        """See `Intake`."""
        return ends(self._settings, self._topic, partitions)

    def drained(self, positions: Mapping[int, int], until: Mapping[int, int]) -> set[int]:
        """See `Intake`."""
        return drained_until(self._settings, self._topic, positions, until)

    def _lose(self, partition: int) -> None:
        self._lost(partition)

    def _event(self, message: KafkaMessage) -> Event:
        error = message.error()
        partition: int = message.partition()
        if error is None:
            return Message(partition, message.offset(), message.value(), message.key(), message.timestamp()[1])
        if error.code() == PARTITION_EOF:
            return AtEnd(partition)
        if error.code() in _GONE:
            return Overtaken(partition)
        where = f"{self._topic}/{partition}"
        if error.fatal() or error.code() in _FATAL:
            return Trouble(partition, TrendsError(error.str(), where=where, next_step="See `trends doctor`"))
        return Trouble(partition, UnavailableError(error.str(), where=where))
