"""What a Mastodon server published, by its timelines: what follows a status, a page at a time, and how far to go.

The ids of statuses hold the time, as the server's clock had it: `id >> 16` is milliseconds since 1970. What came from
another server bears the time at which it was written, so it may lie before what came earlier.

https://docs.joinmastodon.org/methods/timelines/, …/api/rate-limits/
"""

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

import httpx
import msgspec

from ingest.hours import Millis
from ingest.sources.http_stream import Asking
from ingest.sources.service import Heard
from ingest.sources.steps import DroppedError, RefusedError

PAGE = 40
"""Statuses in a page at most, as documented."""
BITS = 16
"""Of an id, beside the time."""
EARLIEST_MS = 1_451_606_400_000
"""2016, when Mastodon began: an id that tells an earlier time is no such id."""
MOST_MS = 600_000
"""A hole that is not filled after so long is told as a gap."""
MOST_FAILURES = 3
"""And so is one for which that many connections failed."""


class _Named(msgspec.Struct):
    id: str


_named_decoder = msgspec.json.Decoder(_Named)
_page_decoder = msgspec.json.Decoder(list[msgspec.Raw])
_WRONG = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def id_of(status: bytes, until: Millis) -> int:
    """The id of a status; 0 for what has none, or one that tells a time before Mastodon or after `until`."""
    try:
        told = _named_decoder.decode(status).id
    except _WRONG:
        return 0
    number = int(told) if told.isascii() and told.isdigit() and len(told) < 20 else 0
    return number if EARLIEST_MS <= number >> BITS <= until else 0


class Timeline:
    """The timeline that holds what a stream gives: all public statuses, those of a hashtag, or local ones alone."""

    def __init__(self, asking: Asking, tag: str | None, local: bool) -> None:
        self._asking = asking
        self._path = "/api/v1/timelines/" + (f"tag/{quote(tag, safe='')}" if tag else "public")
        self._params = {"limit": str(PAGE)} | ({"local": "true"} if local else {})

    async def behind(self, client: httpx.AsyncClient, id_: int, heard: Heard) -> list[bytes]:
        """The statuses that follow one, the oldest first; none where there are none. Raises as `Asking.stream` does."""
        asked = self._params | {"min_id": str(id_)}
        async with self._asking.stream(client, self._path, asked, heard) as response:
            body = b"".join([part async for part in response.aiter_bytes()])
        try:
            return [bytes(status) for status in reversed(_page_decoder.decode(body))]
        except _WRONG:
            raise RefusedError("gives no list of statuses", where=self._asking.where) from None


@dataclass
class Hole:
    """What a stream did not bring, from the time at which it was cut on, and what may still be spent on filling it."""

    now: Callable[[], Millis]
    pages: int
    """Pages that may still be asked for."""
    began: Millis
    """When it was first tried."""
    failures: int = 0

    def take_page(self) -> None:
        """One more page is to be asked for. Raises `RefusedError` where that would be too much."""
        if self.now() - self.began > MOST_MS:
            raise RefusedError(f"more came than could be read in {MOST_MS // 60_000} minutes")
        if not self.pages:
            raise RefusedError("more came than mastodon.catch_up_pages allows")
        self.pages -= 1

    def outlasts(self, error: DroppedError) -> bool:
        """Whether another connection is to go on filling it, after one that failed."""
        if self.now() + error.wait_s * 1000 - self.began > MOST_MS:
            return False
        self.failures += error.kind != "limited"
        return self.failures < MOST_FAILURES
