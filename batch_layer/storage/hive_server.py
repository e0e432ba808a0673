"""HiveServer: statements for HiveServer2, each with an end, and errors in plain words. No message shows the password.

The other end is Spark's Thrift server of the local stack, or a HiveServer2 of Hive itself. Values go into a statement
as literals that this module writes, never as text.
"""

import re
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, date, datetime
from typing import Any

from config.errors import TrendsError, UnavailableError
from config.settings import Settings
from config.settings.connections.hive_session import LOST, REFUSED, Session
from config.settings.logins import hive_login

Row = tuple[Any, ...]
Value = str | int | float | bool | date | datetime | None

_LONGEST = 300
"""Characters of the server's own words that an error repeats."""
_CLASSES = re.compile(r"(?:[A-Za-z_$][\w$]*\.)+[\w$]+(?:Exception|Error): |^Error running query: ")
"""Names of Java's classes before the words of an error."""
_PASSING = ("ConnectException", "Connection refused", "SocketTimeout", "SafeMode", "Standby", "PSQLException")
"""Words of a server that has lost one of its own servers for now."""
_NO_LOGIN = ("Error validating the login", "Peer indicated failure")
"""Words of a server that refuses a login."""
_WORDS = {None: "NULL", True: "TRUE", False: "FALSE"}
_FIRST_LOOK_S, _LONGEST_LOOK_S = 0.01, 0.5
_ESCAPES = {"\\": "\\\\", "'": "\\'", "$": "\\u0024", "\n": "\\n", "\r": "\\r", "\0": "\\u0000", "\x1a": "\\u001a"}


class HiveServer:
    """A session at `hive.uri`, or else at the local Thrift server. Opens at the first statement; one thread uses it.

    After an `UnavailableError` the next statement opens another session.
    """

    def __init__(self, settings: Settings, database: str = "") -> None:
        self._settings = settings
        self._database = database or settings.hive.database
        self._session: Session | None = None

    def __enter__(self) -> "HiveServer":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the session. Another statement would open a new one."""
        session, self._session = self._session, None
        if session is not None:
            session.close()

    def _drop(self) -> None:
        """Forget a session whose connection is lost."""
        session, self._session = self._session, None
        if session is not None:
            session.drop()

    def execute(self, statement: str, values: Sequence[Value] = ()) -> list[Row]:
        """Run a statement to its end; give its rows, none where it has no result. `values` go in for its `%s`.

        Raises `UnavailableError` where the server or its reply is lost: the statement may have run. Raises
        `TrendsError` with the server's words where it refuses.
        """
        text = statement % tuple(map(literal, values)) if values else statement
        try:
            return self._run(text)
        except (REFUSED, *LOST) as error:
            words = _words(error)
            lost = not isinstance(error, REFUSED) or "SessionHandle" in words
            if lost:
                self._drop()
            if any(each in words for each in _NO_LOGIN):
                raise TrendsError(words, where=self._place(), next_step="Correct the section hive") from error
            if lost or any(each in words for each in _PASSING):
                raise self._unavailable(words) from error
            raise TrendsError(words, where=self._place()) from error

    def _run(self, text: str) -> list[Row]:
        cursor = self._open()
        cursor.execute_async(text)
        deadline, pause = time.monotonic() + self._settings.hive.statement_s, _FIRST_LOOK_S
        while cursor.is_executing():
            if time.monotonic() > deadline:
                with suppress(REFUSED, *LOST):
                    cursor.cancel_operation()
                self.close()
                raise self._unavailable(f"a statement took longer than {self._settings.hive.statement_s:g} s")
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_LOOK_S)
        failed = cursor.execution_failed()
        if not failed and not cursor.has_result_set:
            return []
        try:
            rows: list[Row] = cursor.fetchall()  # or the error
        except IndexError:  # Spark has a schema without rows for a statement that gives none
            return []
        return rows

    def _open(self) -> Any:
        """The cursor of a session in the database."""
        if self._session is None:
            session = Session(hive_login(self._settings), self._settings.hive.timeout_s)
            try:
                session.cursor.execute(f"USE {identifier(self._database)}")
            except BaseException:  # or the next statement would run in another database
                session.drop()
                raise
            self._session = session
        return self._session.cursor

    def _place(self) -> str:
        login = hive_login(self._settings)
        return f"HiveServer2 at {login['host']}:{login['port']}"

    def _unavailable(self, what: str) -> UnavailableError:
        local = not self._settings.hive.uri
        step = "`trends up hive` starts it, `trends logs hive` shows its log" if local else "`trends doctor`"
        return UnavailableError(what, where=self._place(), next_step=step)


def _words(error: BaseException) -> str:
    """The first line of an error, without the names of Java's classes."""
    text = str(error) or type(error).__name__
    first = next((line for line in text.splitlines() if line.strip()), "")
    words = first if any(each in first for each in _PASSING) else _CLASSES.sub("", first)
    return " ".join(words.split())[:_LONGEST]


def literal(value: Value) -> str:
    """A value as Spark and Hive read it in a statement, times in UTC. Raises `TypeError` for another type."""
    match value:
        case None | bool():
            return _WORDS[value]
        case int():
            return str(value)
        case float():
            return f"CAST('{value!r}' AS DOUBLE)"
        case datetime():
            moment = value.astimezone(UTC) if value.tzinfo else value
            return f"TIMESTAMP '{moment.replace(tzinfo=None).isoformat(' ')}'"
        case date():
            return f"DATE '{value.isoformat()}'"
        case str():
            return "'" + "".join(_ESCAPES.get(each, each) for each in value) + "'"
    raise TypeError(f"no literal for {type(value).__name__}")


def identifier(name: str) -> str:
    """A name of a table or column as a quoted identifier. Raises `ValueError` where no such name exists."""
    if not name or not name.isprintable() or "`" in name:
        raise ValueError(f"not a name: {name!r}")
    return f"`{name}`"
