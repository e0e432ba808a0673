"""The public posts of a Mastodon server, live, by server-sent events. A token is needed (since Mastodon 4.2).

The stream repeats nothing: what is published while no connection is open is missing, and told as a gap.

https://docs.joinmastodon.org/methods/streaming/
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import httpx
from httpx_sse import EventSource, SSEError

from ingest.sources.formats import Reading
from ingest.sources.http_stream import Asking, Stream
from ingest.sources.mastodon_statuses import UPDATE, MastodonReader
from ingest.sources.service import Heard, name_of
from ingest.sources.steps import DroppedError, RefusedError
from ingest.sources.wanted import Wanted


class Mastodon(Stream):
    """Public posts that a server sees: its own, and those of the servers that it follows. `until` is our clock."""

    silence_s = 45.0  # it says that it lives every 15 s

    def __init__(self, asking: Asking, wanted: Wanted, reading: Reading, *, local: bool = False) -> None:
        name = name_of(f"mastodon:{asking.where}", wanted, "local" * local)
        super().__init__(name, asking, MastodonReader(reading), reading)
        self._path = "/api/v1/streaming/public" + "/local" * local
        self._params: dict[str, str] = {}
        if len(wanted.tags) == 1:
            self._path = "/api/v1/streaming/hashtag" + "/local" * local
            self._params = {"tag": next(iter(wanted.tags))}

    @asynccontextmanager
    async def connect(self, heard: Heard) -> AsyncGenerator[AsyncGenerator[bytes, None], None]:
        """See `Service`."""
        async with self.asking.client() as client:
            client.headers.update({"Accept": "text/event-stream", "Cache-Control": "no-store"})
            async with self.asking.stream(client, self._path, self._params, heard) as response:
                self.missed(0, "the stream repeats nothing")
                self.advance(None)
                yield self._records(response)

    async def _records(self, response: httpx.Response) -> AsyncGenerator[bytes, None]:
        try:
            async for event in EventSource(response).aiter_sse():
                if event.event == UPDATE:
                    yield event.data.encode()
                else:
                    yield f"event: {event.event}\ndata: {' '.join(event.data.splitlines())}\n".encode()
        except SSEError as error:
            raise RefusedError(f"not an event stream: {error}", where=self.where) from None
        except (httpx.HTTPError, httpx.StreamError) as error:
            raise DroppedError(f"the connection was closed: {error}", where=self.where) from None
