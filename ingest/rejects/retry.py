"""Retry: each stage reads its rejects again; the retry writes the results to their topics.

One transaction holds the new messages, the rejects that fail again (at the end of the queue), and the offsets behind
all of them. So a kill at any time retries no reject twice and loses none.
"""

import threading
from collections.abc import Callable, Mapping
from contextlib import closing
from itertools import islice
from typing import Any, NamedTuple

from confluent_kafka import TopicPartition

from config.errors import BadRecordError, TrendsError
from config.settings import IngestSettings, KafkaSettings
from ingest.encoder import TransactionEncoder
from ingest.kafka.offsets import ends
from ingest.kafka.reading import messages
from ingest.kafka.transactions import Offsets, Outgoing, Transactions
from ingest.rejects.reject import ParkedReject, parse_reject, retry_consumer, retry_positions
from ingest.rejects.stage import ReadAgain, Rewrite
from ingest.wire import Reject


class RetryCounts(NamedTuple):
    """The result of a retry, in numbers."""

    retried: int = 0
    settled: int = 0
    failing: int = 0
    posts: int = 0
    uses: int = 0


class Retry:
    """Retries the rejects that are outstanding when it starts. A second one that starts meanwhile fences this one."""

    def __init__(
        self,
        settings: KafkaSettings,
        ingest: IngestSettings,
        encoder: TransactionEncoder[Any],
        stages: Mapping[str, ReadAgain],
        find_stage: Callable[[str], ReadAgain | None] = lambda _: None,
    ) -> None:
        """`stages`: how each stage, by its name, reads its rejects again; `find_stage`: the same for any other name."""
        self._settings = settings
        self._at_once = ingest.transaction_posts
        self._encoder = encoder
        self._stages = stages
        self._find_stage = find_stage
        self._transactions = Transactions(settings, f"{settings.rejects}.retry", ingest.max_post_bytes)

    def run(self, stop: threading.Event) -> RetryCounts:
        """Retry everything, or up to the moment of `stop`. Raises `FencedError`, `UnavailableError`."""
        total = RetryCounts()
        topic = self._settings.rejects
        with closing(self._transactions), closing(retry_consumer(self._settings)) as consumer:
            self._transactions.begin()
            until = ends(self._settings, topic)
            since = retry_positions(self._settings, consumer, until)
            queue = map(parse_reject, messages(consumer, self._settings, topic, until, since=since))
            while not stop.is_set() and (some := list(islice(queue, self._at_once))):
                outgoing, counts = self._encode(some)
                outgoing.offsets = Offsets(self._positions_behind(some), consumer.consumer_group_metadata())
                self._transactions.commit(outgoing)
                total = RetryCounts(*map(sum, zip(total, counts, strict=True)))
        return total

    def _positions_behind(self, some: list[ParkedReject]) -> list[TopicPartition]:
        last = {parked.partition: parked.offset for parked in some}
        return [TopicPartition(self._settings.rejects, number, offset + 1) for number, offset in last.items()]

    def _encode(self, some: list[ParkedReject]) -> tuple[Outgoing, RetryCounts]:
        outgoing = Outgoing()
        failing = settled = posts = 0
        for parked in some:
            rewrite = self._read_again(parked.reject._replace(parked_at=parked.at))
            outgoing.messages += rewrite.messages
            failures = [reject._replace(attempts=reject.attempts + 1) for reject in rewrite.failures]
            self._encoder.add_rejects(outgoing, failures)
            failing += len(failures)
            settled += not failures
            posts += rewrite.posts
        uses = len(outgoing.messages) - posts
        return outgoing, RetryCounts(len(some), settled, failing, posts, uses)

    def _read_again(self, reject: Reject) -> Rewrite:
        try:
            read_again = self._stages.get(reject.stage) or self._find_stage(reject.stage)
            if read_again is None:
                raise BadRecordError(f"no stage reads it: {reject.stage}")
            return read_again(reject)
        except TrendsError as error:
            return Rewrite([], 0, (reject._replace(reason=error.what),))
