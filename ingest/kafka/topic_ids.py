"""Topic ids: which topic a name stands for now. Kafka gives each topic a UUID when it creates it.

A recreated topic keeps its name, and its offsets begin at 0 again. So an offset means something only together with the
id. Brokers before 2.8 have no ids: then an id is empty, and an empty id matches every other.
"""

from concurrent.futures import Future
from typing import NamedTuple

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import TopicDescription

from config.errors import NoDataError, TrendsError, UnavailableError
from config.settings import KafkaSettings
from config.settings.kafka_problems import problem_behind
from ingest.kafka import client
from ingest.kafka.client import ANSWER_S

_ZERO = "A" * 22
"""The client's value if a broker has no ids."""
_URL_SAFE = str.maketrans("+/", "-_")


class OtherTopicError(TrendsError):
    """A name stands for another topic than a stored position does. Trying again does not help."""


class CurrentTopic(NamedTuple):
    """The topic of a name now."""

    id: str
    """As `kafka-topics --describe` prints it; empty if the broker has none."""
    partitions: int


class TopicIds:
    """The ids of topics of one Kafka, over one connection. Safe to share between threads."""

    def __init__(self, settings: KafkaSettings, timeout_s: float = ANSWER_S) -> None:
        self._settings = settings
        self._timeout_s = timeout_s
        self._admin = client.admin(settings)

    def request(self, topic: str) -> "Future[TopicDescription]":
        """A request on its way. Pass it to `answer` when it has an answer."""
        requests: dict[str, Future[TopicDescription]] = self._admin.describe_topics(
            TopicCollection([topic]), request_timeout=self._timeout_s
        )
        return requests[topic]

    def answer(self, topic: str, request: "Future[TopicDescription]") -> CurrentTopic:
        """The answer. Raises `NoDataError` if there is no such topic, `UnavailableError` if no broker answers."""
        try:
            description = request.result(self._timeout_s + 1)
        except (KafkaException, TimeoutError) as error:
            raise self._failure(topic, error) from None
        topic_id = str(description.topic_id)
        return CurrentTopic("" if topic_id == _ZERO else topic_id.translate(_URL_SAFE), len(description.partitions))

    def describe(self, topic: str) -> CurrentTopic:
        """The topic of this name. Raises as `answer` does."""
        return self.answer(topic, self.request(topic))

    def of(self, topic: str) -> str:
        """The id of a topic. Raises as `answer` does."""
        return self.describe(topic).id

    def _failure(self, topic: str, error: Exception) -> TrendsError:
        cause = error.args[0] if error.args else None
        if isinstance(cause, KafkaError) and cause.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
            where = f"Kafka at {self._settings.bootstrap}"
            return NoDataError(f"no topic {topic}", where=where, next_step="`trends up` creates the topics")
        if problem := problem_behind(self._settings, cause if isinstance(cause, KafkaError) else "", topic):
            where = f"topic {topic} of Kafka at {self._settings.bootstrap}"
            return UnavailableError(problem.what, where=where, next_step=problem.next_step)
        why = cause.str() if isinstance(cause, KafkaError) else "no answer in time"
        return UnavailableError(
            f"can't read the topic's id: {why}",
            where=f"topic {topic} of Kafka at {self._settings.bootstrap}",
            next_step="`trends up kafka` starts it here",
        )


def differ(stored: str, now: str) -> bool:
    """Whether two ids are of two topics. An empty id matches every other."""
    return bool(stored and now and stored != now)
