"""The producer: posts, uses, rejects and the source's cursor to Kafka, in one transaction a batch."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import NamedTuple, Self

from config.settings import IngestSettings, KafkaSettings
from ingest.cursors import Stored, read_stored
from ingest.encoder import Counts, TransactionEncoder
from ingest.kafka.topic_ids import TopicIds
from ingest.kafka.transactions import Outgoing, Transactions
from ingest.rule.hashtags import Rule
from ingest.sources.base import Cursor, Source
from ingest.sources.status import State


class Committed(NamedTuple):
    """Where a producer stands after a committed transaction."""

    cursor: Cursor
    counts: Counts
    """Since this producer began."""


class Producer:
    """Writes what a source gives, exactly once over restarts: the cursor is committed with the batch that it is behind.

    `name` is the source's name. Starting a producer fences any other that runs under that name (`FencedError` there).
    """

    def __init__(self, settings: KafkaSettings, ingest: IngestSettings, rule: Rule, name: str) -> None:
        self.name = name
        self._settings = settings
        self._ingest = ingest
        self._messages = TransactionEncoder(settings, ingest, rule)
        self._transactions = Transactions(settings, name, ingest.max_post_bytes)

    def __enter__(self) -> Self:
        self._transactions.begin()
        self._messages.topic_id = TopicIds(self._settings).of(self._settings.posts)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._transactions.close()

    def cursor(self) -> Cursor:
        """The last committed cursor of this name; `{}` where there is none."""
        return self.stored().cursor

    def stored(self) -> Stored:
        """The same, and the topic that everything before it was written to."""
        return read_stored(self._settings, self.name)

    @property
    def topic_id(self) -> str:
        """Of `posts`, as it was when this began: what is written goes there."""
        return self._messages.topic_id

    def run(
        self,
        source: Source,
        cursor: Cursor,
        stop: threading.Event,
        report: Callable[[Committed], None] = lambda _: None,
    ) -> Committed:
        """Write what follows a cursor until the source ends or `stop` is set; then the transaction in hand is finished.

        While one transaction is being committed, the next batch is read. `report` is called after each commit. Raises
        `FencedError`, `UnavailableError`, and what the source raises; everything told of is committed then.
        """
        committed = Committed(cursor, Counts())
        under_way: Future[Committed] | None = None
        with ThreadPoolExecutor(1, "transactions") as writer:
            try:
                for batch in source.batches(cursor, self._ingest.transaction_posts):
                    outgoing, counts = self._messages.of_batch(batch, self.name)
                    if under_way is not None:
                        committed = under_way.result()
                        report(committed)
                    then = Committed(batch.cursor, committed.counts.plus(counts))
                    under_way = writer.submit(self._commit, outgoing, then)
                    if stop.is_set():
                        break
            finally:  # what the source gave before it raised is written, and told of
                if under_way is not None:
                    committed = under_way.result()
                    report(committed)
        return committed

    def commit_state(self, state: State) -> None:
        """Commit how the source stands, and nothing else. Raises `FencedError`, `UnavailableError`."""
        outgoing = Outgoing()
        self._messages.add_state(outgoing, self.name, state)
        self._transactions.commit(outgoing)

    def _commit(self, outgoing: Outgoing, then: Committed) -> Committed:
        self._transactions.commit(outgoing)
        return then
