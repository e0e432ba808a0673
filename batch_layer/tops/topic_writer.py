"""TopicWriter: sends the hours that the outbox marks to the compacted topic.

Promises
    After a delivery without an error, the last message of each key that a reader of committed messages finds is the
    document of that hour, or a tombstone where a reset has deleted it.
    A crash at any point loses no hour: the mark stays until Kafka has acknowledged the transaction. It may send an hour
    twice, with the same key and value, of which the topic keeps one.
    An older writer never overwrites a newer one. A delivery takes over the transactional id *before* it reads the
    documents. So whoever holds an older document has lost the id, and Kafka refuses its transaction.

A topic that somebody has recreated has another id, and gets all finished hours again.
"""

import logging
from collections.abc import Iterable
from contextlib import closing
from typing import Any

from batch_layer.tops.hour_message import key_of, value_of
from batch_layer.tops.outbox import Outbox
from config.errors import FencedError, TrendsError, UsageError
from config.quantity import quantity
from config.settings import Settings
from ingest.kafka.topic_ids import TopicIds
from ingest.kafka.topics import create_topics, is_compacted, tops_topics
from ingest.kafka.transactions import Outgoing, Transactions
from serving.views.store import Store

log = logging.getLogger(__name__)

_MOST_BYTES = 1_000_000


class TopicWriter:
    """The deliveries of one process."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._kafka, self._tops = settings.kafka, settings.tops
        self.outbox = Outbox(store)
        self._is_ready = False
        """Whether this process has seen the topic."""

    def deliver(self) -> int:
        """Send the hours that the topic lacks; how many messages. Nothing where the settings want no topic.

        Raises `UnavailableError` if Kafka or MongoDB does not answer, `UsageError` for a topic that others use or that
        is not compacted, `TrendsError` for one that takes no message of that size. The marks stay then, and the next
        delivery sends the hours.
        """
        if not self._tops.enabled or (self._is_ready and not self.outbox.pending().hours):
            return 0
        self._prepare()
        if not self.outbox.pending().hours:
            return 0
        try:
            with closing(Transactions(self._kafka, self._tops.topic, _MOST_BYTES)) as transactions:
                transactions.begin()
                sent = self._send(transactions)
        except FencedError:
            log.info("another process sends the hours to topic %s", self._tops.topic)
            return 0
        log.info("sent to topic %s: %s", self._tops.topic, quantity(sent, "hour"))
        return sent

    def _send(self, transactions: Transactions) -> int:
        """Send everything that the outbox marks now."""
        self.outbox.begin_delivery()
        gone = self.outbox.tombstones()
        if gone:
            transactions.commit(self._outgoing((key_of(hour), None) for hour in gone))
            self.outbox.bury(gone)
        sent = len(gone)
        for documents in self.outbox.batches():
            transactions.commit(self._outgoing((key_of(each["hour"]), value_of(each)) for each in documents))
            self.outbox.settle(documents)
            sent += len(documents)
        return sent

    def _outgoing(self, messages: Iterable[tuple[bytes, bytes | None]]) -> Outgoing:
        copies: list[dict[str, Any]] = [
            {"topic": self._tops.topic, "key": key, "value": value} for key, value in messages
        ]
        return Outgoing(copies=copies)

    def _prepare(self) -> None:
        """Create the topic if it is missing; mark all hours if it is another one than before."""
        kafka = self._kafka
        create_topics(kafka, tops_topics(kafka, self._tops))
        topic_id = TopicIds(kafka).of(self._tops.topic)
        if not self.outbox.is_known(self._tops.topic, topic_id):
            if not is_compacted(kafka, self._tops.topic):
                step = "Name another topic, or set cleanup.policy=compact (kafka-configs --alter)"
                raise UsageError("is not compacted", where=f"tops.topic {self._tops.topic}", next_step=step)
            self.outbox.start_over(self._tops.topic, topic_id)
        self._is_ready = True


class Sending:
    """The deliveries of one run. A run publishes all its hours, even while Kafka does not take them."""

    def __init__(self, writer: TopicWriter) -> None:
        self._writer = writer
        self._failure: TrendsError | None = None

    def send(self) -> None:
        """Deliver what is there so far, unless an attempt of this run has failed."""
        if self._failure is None:
            try:
                self._writer.deliver()
            except TrendsError as error:
                log.warning("the topic of finished hours: %s; the run goes on", error)
                self._failure = error

    def end(self) -> None:
        """Deliver what is left; raise what keeps hours from the topic."""
        if self._failure is not None:
            self._writer.deliver()
