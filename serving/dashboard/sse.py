"""Live: the hour in progress as a stream of server-sent events.

What is told is held for a moment, however many look on. An event goes out when the answer has changed; a beat goes out
each time, so that who looks on knows that silence means no change, and its absence that nobody is there.
"""

from collections.abc import AsyncIterator, Callable
from typing import Any

import anyio
from anyio.to_thread import run_sync
from fastapi.sse import ServerSentEvent

from config.errors import TrendsError
from ingest.hours import iso
from serving.dashboard.context import Board

EVERY_S = 1.0


async def events(board: Board, tell: Callable[[], Any]) -> AsyncIterator[ServerSentEvent]:
    """`answer` with what `tell` tells when that has changed, `trouble` where it can't, and `beat` each second.

    Ends when the board is to stop; the server cancels it when the reader has gone.
    """
    before: tuple[str, Any] | None = None
    while not board.stop.is_set():
        now = await run_sync(_told, tell, limiter=board.streaming)
        if now != before:
            before = now
            yield ServerSentEvent(event=now[0], data=now[1])
        yield ServerSentEvent(event="beat", data=iso(board.clock()))
        await anyio.sleep(EVERY_S)


def _told(tell: Callable[[], Any]) -> tuple[str, Any]:
    try:
        return "answer", tell()
    except TrendsError as error:
        return "trouble", str(error)
