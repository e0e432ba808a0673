"""A double of one table, its position row and that row's lock, as a transactional server keeps them.

It loses calls and replies, commits late, notices dead clients late, and refuses single rows.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Literal
from uuid import UUID

from batch_layer.sinks.postgres.position_tables import Counts
from batch_layer.sinks.postgres.row_copy import Refusal, TableRow
from config.errors import DamagedError, UnavailableError

Fault = Literal["crash before", "crash after", "lost before", "lost after", "late", "half open"]
POISON = b"poison"
"""Bytes of a message whose row the server refuses."""


class Crash(BaseException):
    """A process dies here."""


class Work:
    """See `Transaction`: what it changes appears at its end, all at once."""

    def __init__(self, table: "TableDouble") -> None:
        self._table = table
        self.alive = True
        self.half_open = False
        """Whether the client is gone, and the server does not know."""
        self.moved: tuple[int, UUID, Counts] | None = None
        self.rows: list[int] = []
        self.gaps: list[tuple[int, int]] = []

    def end(self) -> None:
        """The server forgets it, and lets its lock go."""
        self.alive = False
        if self._table.holder is self:
            self._table.holder = None

    @contextmanager
    def call(self) -> Iterator[None]:
        """One request and its reply."""
        fault = self._table.strike()
        if fault == "crash before":
            raise Crash
        if fault == "half open":
            self.half_open = True
        if fault in ("lost before", "half open") or not self.alive:
            raise UnavailableError("the connection is lost")
        yield
        if fault == "crash after":
            raise Crash
        if fault in ("lost after", "late"):
            raise UnavailableError("the connection is lost")

    def move(self, start: int, end: int, attempt: UUID, counts: Counts) -> bool:
        with self.call():
            if self._table.holder not in (None, self):
                raise UnavailableError("canceling statement due to statement timeout")
            if self._table.next != start:
                return False
            self._table.holder = self
            self.moved = end, attempt, counts
        return True

    def last_try(self) -> UUID | None:
        with self.call():
            return self._table.attempt

    def copy(self, rows: Sequence[TableRow]) -> list[Refusal]:
        with self.call():
            good = [row.offset for row in rows if row.raw != POISON]
            if self._table.has_key and any(offset in self._table.rows for offset in good):
                raise DamagedError("duplicate key value violates unique constraint")
            self.rows += good
        return [Refusal(row, "refused") for row in rows if row.raw == POISON]

    def reject(self, rows: int) -> None:
        with self.call():
            assert self.moved is not None
            end, attempt, counts = self.moved
            self.moved = end, attempt, Counts(counts.kept - rows, counts.rejected + rows, counts.left_out)

    def add_gap(self, start: int, end: int, why: str) -> None:
        assert why
        with self.call():
            self.gaps.append((start, end))


class TableDouble:
    """One partition of a table and its position."""

    work: type[Work] = Work
    has_key = True
    """Whether (partition, offset) is the primary key."""

    def __init__(self) -> None:
        self.next = 0
        self.attempt: UUID | None = None
        self.counts = Counts(0, 0, 0)
        self.rows: Counter[int] = Counter()
        self.gaps: list[tuple[int, int]] = []
        self.armed: tuple[int, Fault] | None = None
        """How many calls pass before the fault, and the fault."""
        self.holder: Work | None = None
        """The transaction that holds the lock of the position row."""
        self.late: list[Work] = []
        """Transactions whose COMMIT is on its way, though their client has given up."""

    @contextmanager
    def transaction(self, partition: int) -> Iterator[Work]:
        """See `Outlets`."""
        assert partition == 0
        work = self.work(self)
        try:
            yield work
        except Crash:
            raise  # the server does not know yet: see `expire`
        except BaseException:
            if not work.half_open:
                work.end()
            raise
        self._commit(work)

    def expire(self) -> None:
        """The server ends the transaction of a client that sleeps, or died, or whose COMMIT got lost."""
        if self.holder is not None:
            self.holder.end()

    def deliver_late(self) -> None:
        """COMMITs arrive that were on their way."""
        for work in self.late:
            self._apply(work)
        self.late = []

    def strike(self) -> Fault | None:
        """The fault that hits this call."""
        if self.armed is None:
            return None
        calls, fault = self.armed
        self.armed = None if calls == 0 else (calls - 1, fault)
        return fault if calls == 0 else None

    def _commit(self, work: "Work") -> None:
        fault = self.strike()
        if fault == "crash before":
            raise Crash
        if fault in {"late", "half open"}:
            self.late += [work] if fault == "late" else []
            raise UnavailableError("no reply to COMMIT")
        if fault == "lost before":
            work.end()
        committed = self._apply(work)
        if fault == "crash after":
            raise Crash
        if fault == "lost after" or not committed:
            raise UnavailableError("no reply to COMMIT")

    def _apply(self, work: "Work") -> bool:
        if not work.alive:
            return False
        work.end()
        if work.moved is not None:
            self.next, self.attempt, counts = work.moved
            self.counts = Counts(*(old + new for old, new in zip(self.counts, counts, strict=True)))
        self.rows.update(work.rows)
        self.gaps += work.gaps
        return True
