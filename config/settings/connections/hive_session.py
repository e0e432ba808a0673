"""Session: one of HiveServer2, which leaves no socket open and connects a second time for nothing.

impyla's own `connect` leaves the socket of a failed one open, repeats a call whose reply is lost, and its cursor
connects again, when Python collects it, to end a session that is gone.
"""

import logging
from collections.abc import Mapping
from typing import Any

from impala.error import Error
from impala.hiveserver2 import (
    HiveServer2Connection,
    HS2Service,
    TBinaryProtocolAccelerated,
    ThriftClient,
    get_transport,
)
from thrift.Thrift import TException
from thrift.transport.TSocket import TSocket

LOST = (TException, OSError)
"""Errors of a connection that is lost, or was never there."""
REFUSED = Error
"""The error of a server that refuses a statement."""

for _name in ("impala", "thrift"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)  # they print a traceback of what is an error here


class Session:
    """An open session and its cursor. Raises an error of `LOST` where the server does not answer in `timeout_s`."""

    def __init__(self, login: Mapping[str, Any], timeout_s: float) -> None:
        self._socket = TSocket(login["host"], login["port"])
        self._socket.setTimeout(timeout_s * 1000)
        self._cursor: Any = None
        try:
            transport = get_transport(
                self._socket, login["host"], "hive", login["auth_mechanism"], login["user"], login.get("password")
            )
            transport.open()
            service = HS2Service(ThriftClient(TBinaryProtocolAccelerated(transport)), retries=1)
            self._cursor = HiveServer2Connection(service).cursor()
        except BaseException:
            self._socket.close()
            raise

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.close()
        else:
            self.drop()

    @property
    def cursor(self) -> Any:
        """Impyla's cursor."""
        return self._cursor

    def close(self) -> None:
        """End it in order, or drop it where the server does not answer."""
        try:
            self._cursor.close()
        except (REFUSED, *LOST):
            pass
        finally:
            self.drop()

    def drop(self) -> None:
        """Close the socket without a word to the server, which ends the session by itself."""
        self._cursor._closed = True  # noqa: SLF001 - else its collection would connect again
        self._socket.close()
