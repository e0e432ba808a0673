"""Connections: how many may be open, and how long each may take to send a request or to read its response.

Without these limits one client freezes the server: with requests whose headers never end, with responses that nobody
reads, or with more connections than the process has file descriptors.
"""

import asyncio
import errno
import logging
import resource
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from ingest.kafka.client import RepeatFilter

REQUEST_S = 5.0
"""Seconds for a request line with its headers, from the connection or from its first byte."""
STALL_S = 30.0
"""Seconds for which a client may read nothing of a waiting response."""
BACKLOG = 64
"""Connections that the server accepts in one go."""
_MOST = 256
_OTHER_FILES = 128
"""File descriptors that the views and the status need: MongoDB, Kafka, HDFS."""
_SHORTAGE = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_BUSY = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 2\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
_TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"

_log = logging.getLogger(__name__)
for _name in (__name__, "uvicorn.error"):
    logging.getLogger(_name).addFilter(RepeatFilter())  # a client that sends nonsense must not fill a disk


def most_connections() -> int:
    """The limit of open connections, which leaves file descriptors for the views."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _MOST if soft == resource.RLIM_INFINITY else max(16, min(_MOST, soft - _OTHER_FILES))


class BoundedProtocol(H11Protocol):
    """HTTP/1.1 with limits of time, and of connections (`limit_concurrency`)."""

    _request_timer: asyncio.TimerHandle | None = None
    _stall_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as its base
        """Accept a connection, or reject one too many."""
        super().connection_made(transport)
        if self.limit_concurrency is not None and len(self.connections) > self.limit_concurrency:
            transport.write(_BUSY)
            transport.close()
        else:
            self._request_timer = self.loop.call_later(REQUEST_S, self._end_slow_request)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget a connection."""
        self._cancel_request_timer()
        self.resume_writing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes: the timer of a request runs until its headers are complete."""
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._cancel_request_timer()
        elif self._request_timer is None and not self.transport.is_closing():
            self._request_timer = self.loop.call_later(REQUEST_S, self._end_slow_request)

    def pause_writing(self) -> None:
        """Start the timer of a response that waits for its client."""
        super().pause_writing()
        if self._stall_timer is None:
            self._stall_timer = self.loop.call_later(STALL_S, self.transport.abort)

    def resume_writing(self) -> None:
        """Stop that timer: the client reads again."""
        super().resume_writing()
        if self._stall_timer is not None:
            self._stall_timer.cancel()
            self._stall_timer = None

    def _cancel_request_timer(self) -> None:
        if self._request_timer is not None:
            self._request_timer.cancel()
            self._request_timer = None

    def _end_slow_request(self) -> None:
        self._request_timer = None
        if not self.transport.is_closing():
            self.transport.write(_TOO_SLOW)
            self.transport.close()


def log_shortage(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Handle an error of the event loop: a shortage of descriptors logs one line now and then, not a traceback each.

    asyncio reports every connection of the backlog that it could not accept, and tries again after a second.
    """
    error = context.get("exception")
    if isinstance(error, OSError) and error.errno in _SHORTAGE:
        _log.error("new connections wait: %s", error.strerror)
    else:
        loop.default_exception_handler(context)
