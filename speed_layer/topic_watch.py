"""TopicWatch: whether the topic is still the one that the spout counts, after it reads messages and before they count.

If a topic is deleted and recreated, Kafka's client goes on silently at the same offset. So the spout cuts a chunk only
after a request, sent later than it read the chunk's last message, has given the same id. Ids never come back, so the
whole chunk is of that topic. The request takes a millisecond or two, and only the chunk waits for it.
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
        self._request: Future[TopicDescription] | None = None

    @property
    def waits(self) -> bool:
        """Whether a request is on its way: the spout must read no message before its answer."""
        return self._request is not None

    @property
    def id(self) -> str:
        """The id of the topic that the spout counts; empty if Kafka has none, or before the first `renew`."""
        return self._id or ""

    def renew(self) -> bool:
        """Request the id again. True: another topic than before. Raises as `TopicIds.of` does."""
        before, self._id, self._request = self._id, self._ids.of(self._topic), None
        return before is not None and before != self._id

    def confirm(self, wait_s: float) -> bool | None:
        """Whether it is still the same; None if no answer has come after `wait_s`.

        True if the topic is gone and not recreated yet: the messages that were read are of it.
        """
        if self._id == "":
            return True
        if self._request is None:
            self._request = self._ids.request(self._topic)
        wait([self._request], wait_s)
        if not self._request.done():
            return None
        request, self._request = self._request, None
        try:
            now = self._ids.answer(self._topic, request).id
        except NoDataError:
            return True
        except TrendsError as error:
            log.warning("counting waits until Kafka gives the id of the topic: %s", error)
            return None
        return now == self._id
