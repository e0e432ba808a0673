"""Keeps a service connected: opens connections, drops those that end or fall silent, and reconnects."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Generic

import tenacity

from ingest.sources.base import T
from ingest.sources.live.backoff import Backoff, DroppedError
from ingest.sources.live.connection import OpenConnection
from ingest.sources.live.service import Service
from ingest.sources.status import CONNECTED, RECONNECTING, State

logger = logging.getLogger(__name__)

FIRST_ATTEMPTS = 6
"""A source without a first connection gives up after so many attempts; later it never does."""


class Reconnector(Generic[T]):
    """Yields the records of a service, one connection after another. It works only while the caller awaits `next`."""

    def __init__(self, service: Service[T], sleep: Callable[[float], Awaitable[None]]) -> None:
        self.state = State(state=RECONNECTING, since=service.now(), at=service.now(), why="not connected yet")
        """How it stands; another object whenever that changes."""
        self.connections = 0
        """How many came to be."""
        self._service = service
        self._sleep = sleep
        self._connection: OpenConnection | None = None
        self._opening: asyncio.Task[OpenConnection] | None = None
        self._backoff = Backoff()
        self._after: DroppedError | None = None

    async def next(self, most_s: float) -> bytes | None:
        """The next record, if one comes in time; it opens and drops connections meanwhile.

        Raises `RefusedError`, or `DroppedError` if no first connection succeeds.
        """
        if self._connection is None:
            await self._open_within(most_s)
            return None
        try:
            record = await self._connection.next(most_s)
        except DroppedError as error:
            await self._drop(self._connection, error)
            return None
        if record is None and self._connection.alive:
            self._service.advance(None)
        self._connection.alive = False
        return record

    def gave(self) -> None:
        """The record given last held a post that is new: the connection is good."""
        if self._connection is not None:
            self._connection.gave = True

    async def close(self) -> None:
        """Close the connection in any state."""
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.gather(self._opening, return_exceptions=True)
        if self._connection is not None:
            await self._connection.close()

    async def _open_within(self, most_s: float) -> None:
        if self._opening is None:
            self._opening = asyncio.create_task(self._open())
        done, _ = await asyncio.wait({self._opening}, timeout=most_s)
        if done:
            task, self._opening = self._opening, None
            self._connection = task.result()
            self.connections += 1
            self._set_state(CONNECTED)

    async def _open(self) -> OpenConnection:
        """Connect, in as many attempts as it takes. Raises as `next` does."""

        async def attempt() -> OpenConnection:
            if self._after is not None:  # the connection before gave nothing: that was the first failure
                error, self._after = self._after, None
                raise error
            return await OpenConnection.open(self._service.connect, self._service.silence_s)

        return await tenacity.AsyncRetrying(
            retry=tenacity.retry_if_exception(self._may_try_again),
            stop=tenacity.stop_never if self.connections else tenacity.stop_after_attempt(FIRST_ATTEMPTS),
            wait=self._backoff,
            sleep=self._sleep,
            before_sleep=self._tell_wait,
            reraise=True,
        )(attempt)

    def _may_try_again(self, error: BaseException) -> bool:
        if not isinstance(error, DroppedError):
            return False
        self._service.connection_failed()
        return True

    def _tell_wait(self, state: tenacity.RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, DroppedError) and state.next_action:
            self._set_state(RECONNECTING, f"{error.what}; retrying in {state.next_action.sleep:.2g} s")

    async def _drop(self, connection: OpenConnection, error: DroppedError) -> None:
        self._connection = None
        await connection.close()
        self._set_state(RECONNECTING, error.what)
        if connection.gave:
            self._backoff = Backoff()
        if not connection.gave or error.kind == "limited":
            self._after = error

    def _set_state(self, state: str, why: str = "") -> None:
        now = self._service.now()
        since = self.state.since if self.state.state == state else now
        self.state = State(state=state, since=since, at=now, where=self._service.where, why=why)
        if why:
            logger.warning("%s: %s", self._service.where, why)
