"""Pace: a long response breaks off where its reader is too slow, so that a few readers cannot hold all places for ever.

Only the time that the response waits for its reader counts, not the time in which the server reads its own data.
"""

import logging
import time
from collections.abc import Callable

from starlette.responses import StreamingResponse
from starlette.types import Message, Send

GRACE_S = 60.0
"""Seconds for which a response waits for its reader before the rate counts."""
LEAST_RATE = 16_384
"""Bytes that a reader has to take of it a second, on average."""
_log = logging.getLogger(__name__)


class _SlowReaderError(Exception):
    """The reader has taken too little for too long."""


class Pace:
    """How fast a reader takes a response."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._waiting_s = 0.0
        self._bytes = 0

    def of(self, send: Send) -> Send:
        """The same `send`, which raises as soon as its reader is too slow."""

        async def send_in_time(message: Message) -> None:
            begin = self._clock()
            await send(message)
            self._waiting_s += self._clock() - begin
            self._bytes += len(message.get("body", b""))
            has_more = message.get("more_body", False)
            if has_more and self._waiting_s > GRACE_S and self._bytes < LEAST_RATE * self._waiting_s:
                raise _SlowReaderError

        return send_in_time


class PacedResponse(StreamingResponse):
    """A streaming response that ends without its last chunk where its reader is too slow."""

    clock: Callable[[], float] = staticmethod(time.monotonic)
    """Seconds."""

    async def stream_response(self, send: Send) -> None:
        """Send it, as far as the reader keeps up."""
        try:
            await super().stream_response(Pace(self.clock).of(send))
        except _SlowReaderError:
            _log.warning("a response broke off: its reader was too slow")
