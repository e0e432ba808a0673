"""Kafka transactions: all messages of a batch or none, under one name that fences the producer that had it before."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import tenacity
from confluent_kafka import KafkaError, KafkaException, Message, TopicPartition

from config.errors import FencedError, TrendsError, UnavailableError
from config.settings import KafkaSettings
from config.settings.kafka_problems import problem_behind
from config.settings.network import tracing
from ingest.kafka import client
from ingest.kafka.topics import COMPRESSION, OVERHEAD_BYTES

logger = logging.getLogger(__name__)

TIMEOUT_MS = 30_000
"""The broker aborts a transaction that stays open for so long; until then it holds up the readers behind it."""
ATTEMPTS = 5
"""Attempts at a transaction that the broker tells us to abort."""
_RESTART = "Start it again: it goes on behind its last committed transaction"
_PURGE_CODES = (KafkaError._PURGE_QUEUE, KafkaError._PURGE_INFLIGHT)  # noqa: SLF001 - their public names
_FENCE_CODES = (KafkaError._FENCED, KafkaError.PRODUCER_FENCED, KafkaError.INVALID_PRODUCER_EPOCH)  # noqa: SLF001


class Offsets(NamedTuple):
    """Offsets of a consumer group that the transaction commits with its messages."""

    positions: list[TopicPartition]
    group: Any
    """`Consumer.consumer_group_metadata()`."""


@dataclass
class Outgoing:
    """The messages of one transaction, ready to send, and to send again."""

    messages: list[tuple[str, bytes, bytes | None]] = field(default_factory=list)
    """Topic, value, key: the arguments of `produce`."""
    rejects: list[dict[str, Any]] = field(default_factory=list)
    """See `ingest.kafka.dead_letters.message`."""
    copies: list[dict[str, Any]] = field(default_factory=list)
    """Messages with headers or with a partition of their own: keyword arguments of `produce`."""
    offsets: Offsets | None = None


OnDelivery = Callable[[KafkaError | None, Message], None]
"""The client calls it for each message: without an error once the brokers have the message, in a transaction that may
still be open."""


class _AbortedError(UnavailableError):
    """The broker wants the transaction aborted. Another attempt may send it as it is."""


class Transactions:
    """One transactional producer. Not thread-safe: one call at a time."""

    def __init__(
        self, settings: KafkaSettings, name: str, max_post_bytes: int, on_delivery: OnDelivery | None = None
    ) -> None:
        self._settings = settings
        self._report = on_delivery
        self._name = name
        self._failure: KafkaError | None = None
        self._is_over = False
        """Whether the client takes nothing any more: another one has its name, for example."""
        self._kafka = client.producer(settings, self._options(max_post_bytes))

    def begin(self, timeout_s: float = TIMEOUT_MS / 1000) -> None:
        """Take the name over: fence the producer that had it, and abort its open transaction. Call it once, first."""
        try:
            self._kafka.init_transactions(timeout_s)
        except KafkaException as error:
            raise self._translate_error(error.args[0]) from None

    def commit(self, outgoing: Outgoing) -> None:
        """Send everything in one transaction, and return after its commit.

        Raises `FencedError` if another producer took over the name: the transaction then writes nothing. Raises
        `UnavailableError` if the broker does not answer: the next producer under the name finds out whether it
        committed.
        """
        for attempt in tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(_AbortedError),
            stop=tenacity.stop_after_attempt(ATTEMPTS),
            wait=tenacity.wait_exponential_jitter(multiplier=0.1, max=2),
            before_sleep=tenacity.before_sleep_log(logger, logging.WARNING),
            reraise=True,
        ):
            with attempt, tracing.span("ingest transaction", producer=self._name, messages=len(outgoing.messages)):
                self._attempt(outgoing)

    def close(self) -> None:
        """Drop unsent messages, and close the connection."""
        self._kafka.purge()
        if not self._is_over:  # the client has no answer to a flush behind a fatal error
            self._kafka.flush(1)

    def _options(self, max_post_bytes: int) -> dict[str, Any]:
        return {
            "transactional.id": self._name,
            "transaction.timeout.ms": TIMEOUT_MS,
            "message.max.bytes": max_post_bytes + OVERHEAD_BYTES,
            "compression.type": COMPRESSION,
            "linger.ms": 5,
            "topic.metadata.refresh.interval.ms": 10_000,  # by default it uses added partitions after 5 minutes
            "queue.buffering.max.messages": 200_000,
            "queue.buffering.max.kbytes": 262_144,
            "on_delivery": self._on_delivery,
            "delivery.report.only.error": self._report is None,
        }

    def _attempt(self, outgoing: Outgoing) -> None:
        self._failure = None
        try:
            self._kafka.begin_transaction()
            self._send(outgoing)
            if outgoing.offsets:
                self._kafka.send_offsets_to_transaction(*outgoing.offsets)
            self._commit()
        except KafkaException as error:
            raise self._abort(error.args[0]) from None

    def _send(self, outgoing: Outgoing) -> None:
        """Hand over the messages. A late delivery fails the transaction, so a wait for room in the queue ends."""
        produce = self._kafka.produce
        for topic, value, key in outgoing.messages:
            try:
                produce(topic, value, key)
            except BufferError:
                client.produce(self._kafka, {"topic": topic, "value": value, "key": key})
        for message in (*outgoing.rejects, *outgoing.copies):
            client.produce(self._kafka, message)

    def _commit(self) -> None:
        try:
            self._kafka.commit_transaction(TIMEOUT_MS / 1000)
        except KafkaException as error:
            if not error.args[0].retriable():
                raise
            self._kafka.commit_transaction(TIMEOUT_MS / 1000)  # the same commit goes on: it can't happen twice

    def _abort(self, error: KafkaError) -> TrendsError:
        """Abort the transaction if possible; the error to raise."""
        if error.fatal() or error.code() in _FENCE_CODES:
            return self._translate_error(error)
        cause = self._failure or error
        try:
            self._kafka.abort_transaction(TIMEOUT_MS / 3000)
        except KafkaException as abort_error:
            return self._translate_error(abort_error.args[0] if abort_error.args[0].fatal() else cause)
        if error.txn_requires_abort() and cause.code() != KafkaError.MSG_SIZE_TOO_LARGE:
            return _AbortedError(f"a transaction was aborted: {cause.str()}", where=self._where, next_step=_RESTART)
        return self._translate_error(cause)

    def _translate_error(self, error: KafkaError) -> TrendsError:
        self._is_over = self._is_over or bool(error.fatal())
        if error.code() in _FENCE_CODES:
            return FencedError(
                "another producer of this source has taken over",
                where=self._name,
                next_step="Run only one of them. Nothing of the last batch of this one is written",
            )
        if error.code() == KafkaError.MSG_SIZE_TOO_LARGE:
            return TrendsError(
                "a post is smaller than ingest.max_post_bytes, but its topic does not take it",
                where=self._where,
                next_step="A topic keeps the max.message.bytes that it was created with: raise it (kafka-configs "
                f"--alter) to ingest.max_post_bytes + {OVERHEAD_BYTES}, or lower ingest.max_post_bytes",
            )
        if problem := problem_behind(self._settings, error, transactional_id=self._name):
            return UnavailableError(problem.what, where=self._where, next_step=problem.next_step)
        kind = TrendsError if error.fatal() else UnavailableError
        return kind(f"{error.name()}: {error.str()}", where=self._where, next_step=_RESTART)

    @property
    def _where(self) -> str:
        return f"Kafka at {self._settings.bootstrap}"

    def _on_delivery(self, error: KafkaError | None, message: Message) -> None:
        if self._report is not None:
            self._report(error, message)
        if error is not None and self._failure is None and error.code() not in _PURGE_CODES:
            self._failure = error
