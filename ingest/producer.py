"""The producer: one transaction for each batch of a source, with the source's cursor. It knows no rule and no post."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Generic, NamedTuple, Protocol, Self

from config.settings import IngestSettings, KafkaSettings
from ingest.cursors import StoredCursor, read_stored_cursor
from ingest.encoder import Counts
from ingest.kafka.topic_ids import TopicIds
from ingest.kafka.transactions import OnDelivery, Outgoing, Transactions
from ingest.sources.base import Batch, Cursor, Source, T
from ingest.sources.status import State


class Committed(NamedTuple):
    """Where a producer stands after a committed transaction."""

    cursor: Cursor
    counts: Counts
    """Since this producer began."""


class Encoder(Protocol[T]):
    """Turns the batches of a source into transactions. Only the encoder knows the meaning of an item."""

    topic: str
    """The topic of the items."""

    def encode_batch(
        self, batch: Batch[T], name: str, topic_id: str, before: Cursor | None, /
    ) -> tuple[Outgoing, Counts]:
        """One transaction: a batch, its cursor with the id of the topic, its gaps and the state of the source.

        `before` is the cursor of the transaction before, in this run.
        """
        ...

    def encode_state(self, name: str, state: State, /) -> Outgoing:
        """One transaction: the state of a source, and nothing else."""
        ...


class Producer(Generic[T]):
    """Writes the batches of a source exactly once, over restarts too: each transaction holds a batch and its cursor.

    `name` is the source's name. A producer that starts fences any other that runs under its name (`FencedError` there).
    """

    def __init__(
        self,
        kafka: KafkaSettings,
        limits: IngestSettings,
        encoder: Encoder[T],
        name: str,
        on_delivery: OnDelivery | None = None,
    ) -> None:
        self.name = name
        self.topic_id = ""
        """Kafka's id of the topic that this producer writes items to, as it was when the producer started."""
        self._kafka = kafka
        self._limits = limits
        self._encoder = encoder
        self._transactions = Transactions(kafka, name, limits.max_post_bytes, on_delivery)

    def __enter__(self) -> Self:
        self._transactions.begin()
        self.topic_id = TopicIds(self._kafka).of(self._encoder.topic)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._transactions.close()

    def cursor(self) -> Cursor:
        """The last committed cursor of this name; `{}` where there is none."""
        return self.stored_cursor().cursor

    def stored_cursor(self) -> StoredCursor:
        """The same, with the id of the topic that holds everything before it."""
        return read_stored_cursor(self._kafka, self.name)

    def run(
        self,
        source: Source[T],
        cursor: Cursor,
        stop: threading.Event,
        report: Callable[[Committed], None] = lambda _: None,
    ) -> Committed:
        """Write the batches that follow a cursor until the source ends or somebody sets `stop`; finish the transaction.

        It reads the next batch while one transaction commits, and calls `report` after each commit. Raises
        `FencedError`, `UnavailableError`, and the source's errors; Kafka holds everything that it reported before.
        """
        committed = Committed(cursor, Counts())
        under_way: Future[Committed] | None = None
        before: Cursor | None = None
        with ThreadPoolExecutor(1, "transactions") as writer:
            try:
                for batch in source.batches(cursor, self._limits.transaction_posts):
                    outgoing, counts = self._encoder.encode_batch(batch, self.name, self.topic_id, before)
                    before = batch.cursor
                    if under_way is not None:
                        committed = under_way.result()
                        report(committed)
                    then = Committed(batch.cursor, committed.counts.plus(counts))
                    under_way = writer.submit(self._commit, outgoing, then)
                    if stop.is_set():
                        break
            finally:  # commit and report the last batch before an error of the source
                if under_way is not None:
                    committed = under_way.result()
                    report(committed)
        return committed

    def commit_state(self, state: State) -> None:
        """Commit the state of the source, and nothing else. Raises `FencedError`, `UnavailableError`."""
        self._transactions.commit(self._encoder.encode_state(self.name, state))

    def _commit(self, outgoing: Outgoing, then: Committed) -> Committed:
        self._transactions.commit(outgoing)
        return then
