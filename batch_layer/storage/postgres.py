"""PostgreSQL: a connection whose every call ends, and the driver's errors as ours. No message shows the password."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from config.errors import TrendsError, UnavailableError
from config.settings import Settings
from config.settings.connections.postgres_connection import Connection
from config.settings.logins import postgres_login

__all__ = ["Connection", "connect", "postgres_errors"]

_LONGEST = 300
"""Characters of the server's own words that an error repeats."""
_PASSING = ("08", "40", "53", "57", "58", "25006", "25P03", "55P03")
"""Beginnings of the SQLSTATEs after which another try may help: lost connections, conflicts, full disks, shutdowns."""
_FULL_DISK = "53100"
_REFUSED = ("authentication failed", "no password supplied", "does not exist", "no pg_hba.conf entry")
"""Words of a server that refuses a login: libpq gives no code for these."""


def connect(settings: Settings, database: str = "", *, autocommit: bool = False) -> Connection:
    """A connection to PostgreSQL at `postgres.url`, or else to the local server. Close it, or use it as a context.

    Times are UTC. The server ends a statement, and a transaction of a client that sleeps inside of it, after
    `postgres.timeout_s`: nobody holds a lock for longer. Raises `UnavailableError` where the server does not answer,
    `TrendsError` where it refuses the login or has no such database.
    """
    login, limit = postgres_login(settings, database), settings.postgres.timeout_s
    milliseconds = int(limit * 1000)
    limits = {"statement_timeout": milliseconds, "idle_in_transaction_session_timeout": milliseconds, "timezone": "UTC"}
    ours: dict[str, Any] = {
        "options": " ".join(f"-c {name}={value}" for name, value in limits.items()),
        "application_name": "trends",
        "connect_timeout": int(limit),
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
    }
    with postgres_errors(settings):
        connection = Connection.connect(**{**ours, **login}, autocommit=autocommit)
    connection.answer_s = limit
    return connection


@contextmanager
def postgres_errors(settings: Settings) -> Iterator[None]:
    """Translates errors of psycopg: `UnavailableError` where another try may help, else `TrendsError`.

    Catch a `psycopg.DataError` inside of the block where single rows may be at fault.
    """
    try:
        yield
    except psycopg.Error as error:
        raise _plain(error, settings) from error


def _plain(error: psycopg.Error, settings: Settings) -> TrendsError:
    local = not settings.postgres.url.get_secret_value()
    where = f"PostgreSQL at {_place(settings)}"
    text = _words(error)
    if _passes(error, text):
        step = "`trends up postgres` starts it, `trends logs postgres` shows its log" if local else "`trends doctor`"
        if error.sqlstate == _FULL_DISK:
            disk = f"the disk that has {settings.stack.state}/data/postgres" if local else "the disk of its data"
            step = f"Free space on {disk}: what waits for it resumes by itself"
        return UnavailableError(text, where=where, next_step=step)
    if any(words in text for words in _REFUSED) and error.sqlstate is None:
        source = "stack.state names the folder with its password" if local else "Correct postgres.url"
        return TrendsError(text, where=where, next_step=source)
    return TrendsError(f"{type(error).__name__}: {text}", where=where)


def _words(error: psycopg.Error) -> str:
    """The server's own words, or libpq's, without the address that it puts before them."""
    first = (error.diag.message_primary or str(error) or type(error).__name__).splitlines()[0]
    return " ".join(first.rpartition(" failed: ")[2].removeprefix("FATAL: ").split())[:_LONGEST]


def _place(settings: Settings) -> str:
    login = postgres_login(settings)
    return f"{login.get('host', 'localhost')}:{login.get('port', '5432')}"


def _passes(error: psycopg.Error, text: str) -> bool:
    """Whether another try may help."""
    if error.sqlstate is not None:
        return error.sqlstate.startswith(_PASSING)
    if any(words in text for words in _REFUSED):
        return False
    return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
