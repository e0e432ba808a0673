"""Bluesky's posts, live, from Jetstream over WebSocket (version 1: `/subscribe`). It needs no key.

A cursor is a moment, `time_us`, so any host can go on where another one stood. Events come only roughly in its order,
and the hosts' clocks differ: each connection begins `REWIND_US` earlier, and the source drops repeated events.

https://github.com/bluesky-social/jetstream-legacy. Where somebody has that project's dictionary, events come packed by
zstd. Else the sockets agree on permessage-deflate, if the host has it: hosts refuse both together.
"""

import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Self
from urllib.parse import urlencode

import msgspec
import websockets
from websockets.asyncio.client import ClientConnection, connect

from ingest.hours import Millis
from ingest.post import Post
from ingest.sources.bluesky.decompression import DecompressionError, RecordDecompressor
from ingest.sources.bluesky.entry import JetstreamSettings
from ingest.sources.bluesky.events import POSTS, JetstreamReader
from ingest.sources.formats.contract import Reading
from ingest.sources.formats.lines import MOST_BYTES
from ingest.sources.live.addresses import host_of
from ingest.sources.live.backoff import DroppedError, RefusedError, safe_text
from ingest.sources.live.request import ServiceRequest
from ingest.sources.live.service import OnBytes, Service, name_of
from ingest.sources.selection import PostFilter

REWIND_US = 5_000_000
"""How much earlier a connection begins than the last one ended."""
SKEW_US = 1_000_000
"""By how much two hosts may differ on when an event was."""
CONNECT_S = 10.0
CLOSE_S = 1.0
"""Longest wait for a host to close. A host that sends more than we read does not hear that it is to end."""

logger = logging.getLogger(__name__)


class _Moment(msgspec.Struct):
    time_us: int


_moment_decoder = msgspec.json.Decoder(_Moment)
_WRONG = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


class Jetstream(Service[Post]):
    """Bluesky's posts. `until` is the largest `time_us` so far; the next host follows one that fails.

    Raises `UsageError` where a host has no proper address.
    """

    silence_s = 60.0

    def __init__(
        self, hosts: Sequence[str], post_filter: PostFilter, reading: Reading, *,
        since: Millis | None = None, decompressor: RecordDecompressor | None = None,
    ) -> None:  # fmt: skip
        params = replace(reading, langs=post_filter.langs)
        super().__init__(name_of("jetstream", post_filter), JetstreamReader(params), reading)
        for host in hosts:
            host_of(host, "wss", "ws")
        self._hosts = hosts
        self._turn = 0
        """Index of the current host, which only grows."""
        self._since_us = since * 1000 if since is not None else 0
        self._ahead_us = reading.future_ms * 1000
        self._resuming_us = 0
        self._decompressor = decompressor
        self._decompresses = False
        """Whether this connection has sent a record that decompresses."""
        self.where = hosts[0]

    @classmethod
    def from_request(cls, request: ServiceRequest[JetstreamSettings]) -> Self:
        """See `Service`."""
        dictionary = request.options["zstd_dictionary"] or request.settings.zstd_dictionary
        decompressor = RecordDecompressor(dictionary) if dictionary else None
        since = request.options["since"]
        return cls(request.settings.hosts, request.post_filter, request.reading, since=since, decompressor=decompressor)

    def connection_failed(self) -> None:
        """The next host's turn: this one gave nothing."""
        self._turn += 1

    def remember_since(self) -> int:
        """Twice as far back as a connection rewinds: events between may repeat by another host's clock."""
        return self.until - 2 * REWIND_US

    @asynccontextmanager
    async def connect(self, on_bytes: OnBytes) -> AsyncGenerator[AsyncGenerator[bytes, None], None]:  # noqa: ARG002 - records are its signs of life
        """See `Service`."""
        params = {"wantedCollections": POSTS} | ({"compress": "true"} if self._decompressor else {})
        self._resuming_us = self.until or self._since_us
        if self._resuming_us:
            params["cursor"] = str(self._resuming_us - (REWIND_US if self.until else 0))
        async with await self._first_of_hosts(urlencode(params)) as socket:
            self._decompresses = False
            yield self._records(socket)

    async def _first_of_hosts(self, query: str) -> ClientConnection:
        """A connection to the host whose turn it is, or at once to the next that answers.

        Where none does, raises a temporary error if any host had one.
        """
        failures: list[DroppedError | RefusedError] = []
        for _ in self._hosts:
            self.where = self._hosts[self._turn % len(self._hosts)]
            try:
                return await self._open(f"{self.where.rstrip('/')}/subscribe?{query}")
            except (DroppedError, RefusedError) as error:
                failures.append(error)
                self._turn += 1
        raise min(failures, key=lambda failure: isinstance(failure, RefusedError))

    async def _open(self, url: str) -> ClientConnection:
        try:
            # Without the library's own pings: they would take a pause of ours for one of the host.
            return await connect(
                url, open_timeout=CONNECT_S, close_timeout=CLOSE_S, ping_interval=None, max_size=MOST_BYTES,
                compression=None if self._decompressor else "deflate",
            )  # fmt: skip
        except websockets.InvalidStatus as error:
            raise self._refusal(error) from None
        except (OSError, websockets.WebSocketException) as error:
            raise DroppedError(f"can't connect: {error or type(error).__name__}", where=self.where) from None

    def advance(self, record: bytes | None) -> None:
        """See `Service`. A time that no event can have moves nothing."""
        if record is None:
            return
        try:
            time_us = _moment_decoder.decode(record).time_us
        except _WRONG:
            return
        if not 0 < time_us <= self.now() * 1000 + self._ahead_us:
            return
        self._look_for_gap(time_us)
        self.until = max(self.until, time_us)
        self.newest = self.until // 1000

    def _look_for_gap(self, first_us: int) -> None:
        """Report a gap if the first event of a connection is too new: the host has dropped older ones."""
        since, self._resuming_us = self._resuming_us, 0
        slack = SKEW_US if self.until else 60 * SKEW_US  # with no position yet, nothing has to be near
        if since and first_us > since + slack:
            self.gap(since // 1000, first_us // 1000, f"{self.where} no longer has these events")

    def _refusal(self, error: websockets.InvalidStatus) -> DroppedError | RefusedError:
        status = error.response.status_code
        what = f"answers {status}: {safe_text(bytes(error.response.body))}"
        if status == 429 or status >= 500:
            return DroppedError(what, where=self.where, kind="limited" if status == 429 else "http")
        return RefusedError(what, where=self.where, next_step="Is this a Jetstream host?")

    async def _records(self, socket: ClientConnection) -> AsyncGenerator[bytes, None]:
        try:
            while True:
                record = await socket.recv(decode=False)
                yield self._decompress(record, self._decompressor) if self._decompressor else record
        except websockets.ConnectionClosed as error:
            raise DroppedError(f"the connection was closed: {safe_text(str(error))}", where=self.where) from None

    def _decompress(self, record: bytes, decompressor: RecordDecompressor) -> bytes:
        """The decompressed record. One that does not decompress stays as it is, and the reader refuses it.

        Where that is the first of a connection the dictionary is wrong: raises `RefusedError`.
        """
        try:
            found = decompressor.decompress(record)
            if found is not record and not self._decompresses:
                _moment_decoder.decode(found)
        except (DecompressionError, *_WRONG) as error:
            if self._decompresses:
                logger.warning("%s: can't decompress a record: %s", self.where, error)
                return record
            what = f"can't decompress its events with {decompressor.file}: {safe_text(str(error))}"
            step = "Name the dictionary that the host uses, or none (jetstream.zstd_dictionary, --zstd-dictionary)"
            raise RefusedError(what, where=self.where, next_step=step) from None
        self._decompresses = True
        return found
