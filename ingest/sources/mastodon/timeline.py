"""Timelines of a Mastodon server: the statuses after another one, a page at a time, and the limits of catching up.

The ids of statuses hold the time, as the server's clock had it: `id >> 16` is milliseconds since 1970. A status of
another server has the time of its creation, so it may lie before earlier arrivals.

https://docs.joinmastodon.org/methods/timelines/, …/api/rate-limits/
"""

from dataclasses import dataclass
from urllib.parse import quote

import httpx
import msgspec

from ingest.hours import Millis
from ingest.sources.live.backoff import DroppedError, RefusedError
from ingest.sources.live.http import ApiClient
from ingest.sources.live.service import OnBytes

PAGE = 40
"""Statuses in a page at most, as documented."""
BITS = 16
"""Of an id, beside the time."""
EARLIEST_MS = 1_451_606_400_000
"""2016, when Mastodon began: an id that tells an earlier time is no such id."""
MOST_MS = 600_000
"""Longest time that a stream stays unread, and longest wait that a server may ask for."""
MOST_TRIES = 3
"""Connections in a row that may lead no further."""


class _WithId(msgspec.Struct):
    id: str


_id_decoder = msgspec.json.Decoder(_WithId)
_page_decoder = msgspec.json.Decoder(list[msgspec.Raw])
_WRONG = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def id_of(status: bytes, until: Millis) -> int:
    """The id of a status; 0 if it has none, or one that tells a time before Mastodon or after `until`."""
    try:
        text = _id_decoder.decode(status).id
    except _WRONG:
        return 0
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 20 else 0
    return number if EARLIEST_MS <= number >> BITS <= until else 0


class Timeline:
    """The timeline for a stream: all public statuses, those of a hashtag, or local ones alone."""

    def __init__(self, api: ApiClient, tag: str | None, local: bool) -> None:
        self._api = api
        self._path = "/api/v1/timelines/" + (f"tag/{quote(tag, safe='')}" if tag else "public")
        self._params = {"limit": str(PAGE)} | ({"local": "true"} if local else {})

    async def behind(self, client: httpx.AsyncClient, id_: int, on_bytes: OnBytes) -> list[bytes]:
        """The statuses that follow one, the oldest first; none where there are none. Raises as `stream` does."""
        params = self._params | {"min_id": str(id_)}
        async with self._api.stream(client, self._path, params, on_bytes) as response:
            body = b"".join([part async for part in response.aiter_bytes()])
        try:
            return [bytes(status) for status in reversed(_page_decoder.decode(body))]
        except _WRONG:
            raise RefusedError("gives no list of statuses", where=self._api.where) from None


@dataclass
class Hole:
    """The gap since a lost connection, and the budget for filling it."""

    pages: int
    """Pages left."""
    tries: int = 0
    """Connections in a row that have led no further."""

    def begin(self) -> None:
        """Another connection tries to fill it. Raises `RefusedError` where too many did."""
        self.tries += 1
        if self.tries > MOST_TRIES:
            raise RefusedError("no answer")

    def take_page(self) -> None:
        """Spend one page. Raises `RefusedError` if no page remains."""
        if not self.pages:
            raise RefusedError("more came than mastodon.catch_up_pages allows")
        self.pages -= 1

    def outlasts(self, error: DroppedError) -> bool:
        """Whether another connection is to go on filling it, after one that failed."""
        return self.tries < MOST_TRIES and error.wait_s * 1000 <= MOST_MS
