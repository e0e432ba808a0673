"""TopicWatch: whether the topic is still the one that is counted, asked after messages were read and before they count.

Kafka's client goes on silently at the same offset where a topic is deleted and recreated. So a chunk is cut only once
an answer has come that was asked for after its last message was read, and that gives the same id: ids never come back,
so all of it is of that topic. The question takes a millisecond or two, and nothing waits for it but the chunk.
"""

import logging
from concurrent.futures import Future, wait

from confluent_kafka.admin import TopicDescription

from config.errors import NoDataError, TrendsError
from config.settings import KafkaSettings
from ingest.kafka.topic_ids import TopicIds

log = logging.getLogger(__name__)

ANSWER_S = 5.0


class TopicWatch:
    """The id of one topic. Not for several threads."""

    def __init__(self, settings: KafkaSettings, topic: str) -> None:
        self._topic = topic
        self._ids = TopicIds(settings, ANSWER_S)
        self._id: str | None = None
        self._question: Future[TopicDescription] | None = None

    @property
    def waits(self) -> bool:
        """Whether an answer is to come: what is read now was read after the question."""
        return self._question is not None

    @property
    def id(self) -> str:
        """The id of what is counted; empty where Kafka has none, or nobody has asked yet."""
        return self._id or ""

    def renew(self) -> bool:
        """Ask which topic it is now. True: another one than before. Raises as `TopicIds.of` does."""
        before, self._id, self._question = self._id, self._ids.of(self._topic), None
        return before is not None and before != self._id

    def confirm(self, wait_s: float) -> bool | None:
        """Whether it is still the same; None while that is not known, at most `wait_s` later.

        A topic that is gone, and not recreated yet, has left what was read of it.
        """
        if self._id == "":
            return True
        if self._question is None:
            self._question = self._ids.ask(self._topic)
        wait([self._question], wait_s)
        if not self._question.done():
            return None
        question, self._question = self._question, None
        try:
            found = self._ids.answer(self._topic, question).id
        except NoDataError:
            return True
        except TrendsError as error:
            log.warning("nothing is counted until Kafka says which topic it is: %s", error)
            return None
        return found == self._id
