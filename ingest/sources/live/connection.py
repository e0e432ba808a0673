"""One open connection of a live source: its records, and its silence."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack

from ingest.sources.formats.lines import MOST_BYTES
from ingest.sources.live.backoff import DroppedError
from ingest.sources.live.service import Connection, OnBytes

OPEN_S = 60.0
"""Time limit of opening a connection, seconds."""


class OpenConnection:
    """Reads records one at a time and never ahead, so a slow reader slows the sender down."""

    def __init__(self, stack: AsyncExitStack, silence_s: float) -> None:
        self._stack = stack
        self._silence_s = silence_s
        self._silent_s = 0.0
        self._unread_bytes = 0
        self._records: AsyncGenerator[bytes, None]
        self._pending: asyncio.Task[bytes] | None = None
        self.alive = False
        """Whether anything came since this was last set to False."""
        self.gave = False
        """Whether it gave a post that is new. Its owner says so."""

    @classmethod
    async def open(cls, connect: Callable[[OnBytes], Connection], silence_s: float) -> "OpenConnection":
        """Open a connection. Raises as `connect` does, and `DroppedError` where no answer comes in `OPEN_S`."""
        async with AsyncExitStack() as stack:
            connection = cls(stack, silence_s)
            try:
                async with asyncio.timeout(OPEN_S):
                    connection._records = await stack.enter_async_context(connect(connection._on_bytes))
            except TimeoutError:
                raise DroppedError(f"no response in {OPEN_S:.0f} s") from None
            stack.push_async_callback(connection._records.aclose)
            connection._stack = stack.pop_all()
            return connection

    async def next(self, most_s: float) -> bytes | None:
        """The next record; None where none comes within `most_s`. Raises `DroppedError` at the end.

        Silence is the time that the caller waits in here without a record or keep-alive.
        """
        if self._pending is None:
            self._pending = asyncio.create_task(self._pull())
        loop = asyncio.get_running_loop()
        began = loop.time()
        done, _ = await asyncio.wait({self._pending}, timeout=most_s)
        if done:
            task, self._pending = self._pending, None
            self._silent_s = 0.0
            return task.result()
        self._silent_s += loop.time() - began
        if self._silent_s >= self._silence_s:
            raise DroppedError(f"no data for {self._silence_s:.0f} s")
        return None

    async def close(self) -> None:
        """Close it in any state."""
        if self._pending is not None:
            self._pending.cancel()
            await asyncio.gather(self._pending, return_exceptions=True)
            self._pending = None
        await self._stack.aclose()

    def _on_bytes(self, size: int) -> None:
        self._silent_s = 0.0
        self.alive = True
        self._unread_bytes += size
        if self._unread_bytes > 2 * MOST_BYTES:
            raise DroppedError(f"a record of more than {MOST_BYTES} bytes")

    async def _pull(self) -> bytes:
        try:
            record = await anext(self._records)
        except StopAsyncIteration:
            raise DroppedError("the connection was closed") from None
        self.alive = True
        self._unread_bytes = 0
        return record
