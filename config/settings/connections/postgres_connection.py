"""Connection: one to PostgreSQL that gives up a call without an answer. libpq alone waits for ever."""

from typing import TypeVar

import psycopg
from psycopg import errors
from psycopg.abc import PQGen
from psycopg.rows import TupleRow

_T = TypeVar("_T")
_LOOK_EVERY_S = 0.1


class Connection(psycopg.Connection[TupleRow]):
    """A connection that closes itself after a call without an answer in `answer_s`: a frozen server keeps its sockets.

    Open it by `connect`, as psycopg's own.
    """

    answer_s = 30.0

    def wait(self, gen: PQGen[_T], interval: float = _LOOK_EVERY_S, timeout: float | None = None) -> _T:
        """Run a call to its end. Raises `psycopg.OperationalError` after `answer_s`."""
        try:
            return super().wait(gen, interval, self.answer_s if timeout is None else timeout)
        except errors._WaitTimeout:  # noqa: SLF001 - the one error that it documents for this
            self.pgconn.finish()
            raise psycopg.OperationalError(f"no answer in {self.answer_s:g} s") from None
