"""The public posts of a Mastodon server, live, by server-sent events. It needs a token (since Mastodon 4.2).

The stream does not replay. After a lost connection the source reads the server's timeline from the last status on, once
the stream is open again, so nothing lies between. It reports the rest as a gap.

https://docs.joinmastodon.org/methods/streaming/. Next to read: `timeline.py`.
"""

import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from email.utils import parsedate_to_datetime
from typing import Self

import httpx
from httpx_sse import EventSource, SSEError

from ingest.hours import Millis, millis
from ingest.post import Post
from ingest.sources.formats.contract import Reading
from ingest.sources.live.backoff import DroppedError, RefusedError
from ingest.sources.live.http import REMEMBER_MS, ApiClient, Stream, token_of
from ingest.sources.live.request import ServiceRequest
from ingest.sources.live.service import OnBytes, name_of
from ingest.sources.mastodon.entry import MastodonSettings
from ingest.sources.mastodon.statuses import UPDATE, MastodonReader
from ingest.sources.mastodon.timeline import BITS, MOST_MS, Hole, Timeline, id_of
from ingest.sources.selection import PostFilter

STREAMING = "/api/v1/streaming"
REWIND_MS = 60_000
"""How much earlier than the last status a timeline begins: late posts of other servers bear an earlier time."""
OPENING_MS = 5_000
"""A status with a time so long after the start of the stream comes by the stream."""


class Mastodon(Stream[Post]):
    """Public posts that a server sees: its own, and those of the servers that it follows.

    `until` is our clock, and `last` the largest id read. While it fills a hole, `until` stays at the start of the
    hole and `last` moves through it: a new start resumes there.
    """

    silence_s = 45.0  # it says that it lives every 15 s

    def __init__(self, api: ApiClient, post_filter: PostFilter, reading: Reading, *, local: bool, pages: int) -> None:
        name = name_of(f"mastodon:{api.where}", post_filter, "local" * local)
        super().__init__(name, api, MastodonReader(reading), reading)
        tag = next(iter(post_filter.tags)) if len(post_filter.tags) == 1 else None
        self._path = f"{STREAMING}/{'hashtag' if tag else 'public'}" + "/local" * local
        self._params = {"tag": tag} if tag else {}
        self._streaming: ApiClient | None = None
        """The streaming host, which may be another one."""
        self._timeline = Timeline(api, tag, local)
        self._pages = pages
        self._ahead_ms = reading.future_ms
        self._hole: Hole | None = None

    @classmethod
    def from_request(cls, request: ServiceRequest[MastodonSettings]) -> Self:
        """See `Service`."""
        settings, names = request.settings, "TRENDS_MASTODON__TOKEN or TRENDS_MASTODON__TOKEN_FILE"
        token = token_of(settings.token, settings.token_file, names)
        api = ApiClient(request.options["server"], token, request.reading.now, names)
        local, pages = request.options["local"], settings.catch_up_pages
        return cls(api, request.post_filter, request.reading, local=local, pages=pages)

    @property
    def mark(self) -> Millis:
        """The time of the last status."""
        return self.last >> BITS or self.until

    def remember_since(self) -> Millis:
        """The earliest status that a timeline may repeat."""
        return self.mark - REWIND_MS - REMEMBER_MS

    def advance(self, record: bytes | None) -> None:
        """See `Service`."""
        if record is not None:
            self.last = max(self.last, id_of(record, self.now() + self._ahead_ms))
        if self._hole is None:
            super().advance(record)

    def connection_failed(self) -> None:
        """See `Service`."""
        self._streaming = None

    @asynccontextmanager
    async def connect(self, on_bytes: OnBytes) -> AsyncGenerator[AsyncGenerator[bytes, None], None]:
        """See `Service`."""
        streaming = self._streaming = self._streaming or await self.api.follow_redirect(STREAMING)
        async with streaming.client() as client:
            client.headers.update({"Accept": "text/event-stream", "Cache-Control": "no-store"})
            async with streaming.stream(client, self._path, self._params, on_bytes) as response:
                if self.until and self.last and self._pages:
                    self._hole = self._hole or Hole(self._pages)
                else:
                    self._hole = None
                    self.report_missing(0, "the stream does not replay")
                    self.advance(None)
                yield self._records(response, on_bytes)

    async def _records(self, response: httpx.Response, on_bytes: OnBytes) -> AsyncGenerator[bytes, None]:
        if self._hole is not None:
            async with aclosing(self._fill_hole(self._hole, response, on_bytes)) as report_missing:
                async for status in report_missing:
                    yield status
            self._hole = None
            self.advance(None)
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

    async def _fill_hole(self, hole: Hole, opening: httpx.Response, on_bytes: OnBytes) -> AsyncGenerator[bytes, None]:
        """Statuses between the last one and the start of the stream; a gap for those out of reach."""
        opened_at, last = self.now(), self.last
        begins = after = self.last - (REWIND_MS << BITS)
        until = _date(opening) + OPENING_MS
        try:
            hole.begin()
            async with self.api.client() as client:
                while after == begins or after >> BITS < until:
                    hole.take_page()
                    page = await self._timeline.behind(client, after, on_bytes)
                    if not page and after == begins:  # the last status must be there, unless somebody deleted it
                        raise RefusedError("it is empty")
                    if not page:
                        return
                    for status in page:
                        yield status
                    before, after = after, max(id_of(status, self.now() + self._ahead_ms) for status in page)
                    if after <= before:
                        raise RefusedError("it leads no further")
                    if self.last > last:
                        hole.tries = 0
                    if self.now() > opened_at + MOST_MS:
                        raise RefusedError(f"more came than could be read in {MOST_MS // 60_000} minutes")
        except (DroppedError, RefusedError) as error:
            if isinstance(error, DroppedError) and hole.outlasts(error):
                raise
            since = max(self.until, self.last >> BITS if self.last > last else 0)
            if since < opened_at:
                self.gap(since, opened_at, f"the stream does not replay, and the timeline is incomplete: {error.what}")


def _date(response: httpx.Response) -> Millis:
    """The moment of an answer by the server's clock; never, where it does not tell."""
    try:
        return millis(parsedate_to_datetime(response.headers["Date"]))
    except (KeyError, ValueError, TypeError):
        return sys.maxsize
