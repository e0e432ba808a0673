"""SameTopic: keeps messages of one topic out of a sink that holds those of another one with the same name."""

from config.errors import NoDataError
from config.settings import KafkaSettings
from ingest.kafka.topic_ids import OtherTopicError, TopicIds, differ


class SameTopic:
    """Says at the start whether a sink is of the topic, and before each commit whether it still is."""

    def __init__(self, settings: KafkaSettings, topic: str, next_step: str) -> None:
        """`next_step`: the remedy for a sink of another topic."""
        self._ids = TopicIds(settings)
        self._topic = topic
        self._next_step = next_step
        self.id = ""
        """Of the topic that `admit` has seen; empty if the broker has no ids."""

    def admit(self, stored: str = "") -> str:
        """The topic's id now; an empty `stored` matches every topic.

        Raises `OtherTopicError` where the sink has stored another id, `NoDataError` where there is no topic.
        """
        self.id = self._ids.of(self._topic)
        self._compare(stored, self.id)
        return self.id

    def check(self) -> None:
        """Raise `OtherTopicError` where the name stands for another topic by now.

        Otherwise all messages read before this call are of the admitted topic. That holds where there is no topic at
        all: they come from the deleted one, and nobody has recreated it yet.
        """
        try:
            now = self._ids.of(self._topic)
        except NoDataError:
            return
        self._compare(self.id, now)

    def check_end(self, partition: int, position: int, end: int) -> None:
        """Raise `OtherTopicError` where a position goes beyond the end of the partition: ids can't tell every time."""
        if position > end:
            raise OtherTopicError(
                f"the position is offset {position} and the topic ends at {end}: it was deleted and recreated",
                where=f"{self._topic}/{partition}",
                next_step=self._next_step,
            )

    def _compare(self, stored: str, now: str) -> None:
        if differ(stored, now):
            raise OtherTopicError(
                f"the topic was deleted and recreated: its id was {stored}, and is {now} now",
                where=f"Kafka topic {self._topic}",
                next_step=self._next_step,
            )
