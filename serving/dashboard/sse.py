"""Server-sent events: the hour in progress as a stream.

An event goes out when the answer has changed. A beat goes out each second: while beats come, silence means no change;
without them, the server is gone.
"""

from collections.abc import AsyncIterator, Callable
from typing import Any

import anyio
from anyio.to_thread import run_sync
from fastapi.sse import ServerSentEvent

from config.errors import TrendsError
from ingest.hours import iso
from serving.dashboard.context import Context
from serving.dashboard.http.edges import Edge

EVERY_S = 1.0


async def events(context: Context, answer: Callable[[], Any], edge: Edge) -> AsyncIterator[ServerSentEvent]:
    """`answer` with the result of `answer` when it has changed, `trouble` with its error, and `beat` each second.

    The error is in the words of an edge.

    Ends with the server; the server cancels it when the client disconnects.
    """
    before: tuple[str, Any] | None = None
    while not context.stop.is_set():
        now = await run_sync(_event, answer, edge, limiter=context.streaming)
        if now != before:
            before = now
            yield ServerSentEvent(event=now[0], data=now[1])
        yield ServerSentEvent(event="beat", data=iso(context.clock()))
        await anyio.sleep(EVERY_S)


def _event(answer: Callable[[], Any], edge: Edge) -> tuple[str, Any]:
    try:
        return "answer", answer()
    except TrendsError as error:
        return "trouble", edge.line(error)
