"""Topic ids: which topic a name stands for now. Kafka gives each topic a UUID when it creates it.

A topic that was deleted and recreated keeps its name, and its offsets begin at 0 again. So an offset means something
together with the id alone. Brokers before 2.8 have no ids: then an id is empty, and what is empty matches everything.
"""

from concurrent.futures import Future
from typing import NamedTuple

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import TopicDescription

from config.errors import NoDataError, TrendsError, UnavailableError
from config.settings import KafkaSettings
from ingest.kafka import client
from ingest.kafka.client import ANSWER_S

_ZERO = "A" * 22
"""What the client gives where a broker has no ids."""
_URL_SAFE = str.maketrans("+/", "-_")


class OtherTopicError(TrendsError):
    """A name stands for another topic than a stored position does. Trying again does not help."""


class Topic(NamedTuple):
    """What a name stands for now."""

    id: str
    """As `kafka-topics --describe` prints it; empty where the broker has none."""
    partitions: int


class TopicIds:
    """Asks one Kafka for ids, over one connection. Safe to share between threads."""

    def __init__(self, settings: KafkaSettings, timeout_s: float = ANSWER_S) -> None:
        self._settings = settings
        self._timeout_s = timeout_s
        self._admin = client.admin(settings)

    def ask(self, topic: str) -> "Future[TopicDescription]":
        """A question on its way. Pass it to `answer` once it is done."""
        asked: dict[str, Future[TopicDescription]] = self._admin.describe_topics(
            TopicCollection([topic]), request_timeout=self._timeout_s
        )
        return asked[topic]

    def answer(self, topic: str, asked: "Future[TopicDescription]") -> Topic:
        """The answer. Raises `NoDataError` where there is no such topic, `UnavailableError` where no broker answers."""
        try:
            told = asked.result(self._timeout_s + 1)
        except (KafkaException, TimeoutError) as error:
            raise self._failure(topic, error) from None
        found = str(told.topic_id)
        return Topic("" if found == _ZERO else found.translate(_URL_SAFE), len(told.partitions))

    def describe(self, topic: str) -> Topic:
        """The topic of this name. Raises as `answer` does."""
        return self.answer(topic, self.ask(topic))

    def of(self, topic: str) -> str:
        """The id of a topic. Raises as `answer` does."""
        return self.describe(topic).id

    def _failure(self, topic: str, error: Exception) -> TrendsError:
        told = error.args[0] if error.args else None
        if isinstance(told, KafkaError) and told.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
            where = f"Kafka at {self._settings.bootstrap}"
            return NoDataError(f"no topic {topic}", where=where, next_step="`trends up` creates the topics")
        why = told.str() if isinstance(told, KafkaError) else "no answer in time"
        return UnavailableError(
            f"can't read the topic's id: {why}",
            where=f"topic {topic} of Kafka at {self._settings.bootstrap}",
            next_step="`trends up kafka` starts it here",
        )


def differ(stored: str, now: str) -> bool:
    """Whether two ids are of two topics. An empty id is unknown, and matches."""
    return bool(stored and now and stored != now)
