"""The commit of a chunk: rows and position in one transaction. Five steps, in this order.

    check        make sure that the topic is still the one of the position
    position     move the position from the chunk's start to its end, which takes the lock of the partition's row
    rows         COPY the rows; those that PostgreSQL refuses become rejects
    rejects      send the rejects, and wait for their delivery
    commit       COMMIT

Position first: a second writer waits for our lock, finds another position than its chunk's start, and is fenced off. A
lost reply to COMMIT needs no memory either: the next try waits for the lock that a COMMIT on its way holds, and then
finds its own uuid in the row (done), the start (again), or another uuid (fenced off). Our commit may lie behind that
other one: its rows count then, the position is behind them, and the stage reads on from there all the same.
"""

import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Protocol
from uuid import UUID, uuid4

from batch_layer.delivery.chunk import Chunk
from batch_layer.sinks.postgres.position_tables import Counts
from batch_layer.sinks.postgres.row_copy import Refusal, TableRow
from config.errors import FencedError
from config.quantity import quantity
from ingest.wire import Reject

_log = logging.getLogger(__name__)


class Transaction(Protocol):
    """An open transaction on one partition of a sink. Each method may raise `UnavailableError`."""

    def move(self, start: int, end: int, attempt: UUID, counts: Counts) -> bool:
        """Move the position and hold its lock. False: it is not at `start`."""

    def last_try(self) -> UUID | None:
        """The uuid of the delivery that moved the position last."""

    def copy(self, rows: Sequence[TableRow]) -> list[Refusal]:
        """Add rows; return those that are refused."""

    def reject(self, rows: int) -> None:
        """Count so many rows as rejects that `move` has counted as kept."""


class Outlets(Protocol):
    """Everything that a commit touches."""

    def transaction(self, partition: int) -> AbstractContextManager[Transaction]:
        """A transaction that commits at the end of the block, and rolls back if the block raises."""

    def check_topic(self) -> None:
        """Raise `OtherTopicError` where messages read before may be of another topic than the position."""

    def send_rejects(self, rejects: Sequence[Reject]) -> None:
        """Return after their delivery, or raise `UnavailableError`."""


class TableDelivery:
    """See `Delivery`. One uuid for all tries of a chunk."""

    def __init__(
        self,
        outlets: Outlets,
        stage: str,
        chunk: Chunk[str, TableRow],
        committed: Callable[[int], None],
        after_step: Callable[[str], None],
    ) -> None:
        """`stage`: its name in rejects. `committed` gets the end of the chunk."""
        self._to = outlets
        self._stage = stage
        self._chunk = chunk
        self._committed = committed
        self._after_step = after_step
        self._attempt = uuid4()
        self._counts = Counts(0, 0, 0)

    def run(self) -> None:
        """See `Delivery`."""
        chunk = self._chunk
        self._to.check_topic()
        self._after_step("check")
        with self._to.transaction(chunk.partition) as transaction:
            self._fill(transaction)
        self._after_step("commit")
        self._committed(chunk.next)
        rows, rejects = quantity(self._counts.kept, "row"), quantity(self._counts.rejected, "reject")
        _log.info("%s/%d: up to %d: %s, %s", chunk.topic, chunk.partition, chunk.next, rows, rejects)

    def _fill(self, transaction: Transaction) -> None:
        chunk = self._chunk
        rows = [row for folder in chunk.rows.values() for row in folder]
        counts = Counts(len(rows), len(chunk.rejects), chunk.left_out)
        if not transaction.move(chunk.start, chunk.next, self._attempt, counts):
            if transaction.last_try() == self._attempt:
                return  # the reply to our COMMIT was lost
            where = f"{chunk.topic}/{chunk.partition}@{chunk.start}"
            raise FencedError("another stage has committed from here", where=where)
        self._after_step("position")
        refusals = transaction.copy(rows)
        if refusals:
            transaction.reject(len(refusals))
        self._counts = Counts(len(rows) - len(refusals), len(chunk.rejects) + len(refusals), chunk.left_out)
        self._after_step("rows")
        self._to.send_rejects([*chunk.rejects, *map(self._reject, refusals)])
        self._after_step("rejects")

    def _reject(self, refusal: Refusal) -> Reject:
        where = f"{self._chunk.topic}/{self._chunk.partition}@{refusal.row.offset}"
        return Reject(refusal.row.raw, self._stage, refusal.why, where)
