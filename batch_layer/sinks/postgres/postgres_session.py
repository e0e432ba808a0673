"""Session: one connection to PostgreSQL for one thread. It connects when there is work, and again after a failure."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psycopg

from batch_layer.storage.postgres import Connection, connect, postgres_errors
from config.settings import Settings


class Session:
    """Transactions of one thread, one after the other."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._connection: Connection | None = None

    @contextmanager
    def transaction(self, *, snapshot: bool = False) -> Iterator[Connection]:
        """A transaction that commits at the end of the block, and rolls back if the block raises.

        `snapshot`: it only reads, and all its statements see the same moment. Raises `UnavailableError` where the
        server does not answer, also in place of a COMMIT whose effect may have happened.
        """
        with postgres_errors(self._settings):
            connection = self._open()
            try:
                with connection.transaction():
                    if snapshot:
                        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
                    yield connection
            except (psycopg.OperationalError, psycopg.InterfaceError):
                self.close()  # whatever this connection still has on its way belongs to the past
                raise

    def close(self) -> None:
        """Let go of the connection."""
        if self._connection is not None:
            with suppress(psycopg.Error):
                self._connection.close()
            self._connection = None

    def _open(self) -> Connection:
        if self._connection is None or self._connection.closed:
            self._connection = connect(self._settings, autocommit=True)
        return self._connection
