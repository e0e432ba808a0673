"""X's posts, live, by its API v2: the filtered stream, or the sample of all posts. It needs a paid token.

Where the account has backfill, a connection repeats the minutes since the last one ended, and the source drops
repeated posts. Else the stream does not replay, and the source reports a gap.

https://docs.x.com/x-api/posts/filtered-stream/introduction, …/fundamentals/recovery-and-redundancy
"""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Self

import httpx
import msgspec

from config.errors import UsageError
from ingest.hours import Millis
from ingest.post import Post
from ingest.sources.formats.contract import Reading
from ingest.sources.live.backoff import DroppedError, safe_text
from ingest.sources.live.http import ApiClient, Stream, token_of
from ingest.sources.live.request import ServiceRequest
from ingest.sources.live.service import OnBytes, name_of
from ingest.sources.selection import PostFilter
from ingest.sources.x.entry import XSettings
from ingest.sources.x.rules import set_rules
from ingest.sources.x.v2 import V2Reader

FIELDS = {
    "tweet.fields": "created_at,lang,entities,edit_history_tweet_ids,note_tweet,referenced_tweets",
    "expansions": "referenced_tweets.id",
}
MINUTE_MS = 60_000


class _Error(msgspec.Struct):
    title: str = ""
    detail: str = ""


_ABSENT = msgspec.Raw()


class _Line(msgspec.Struct):
    data: msgspec.Raw = _ABSENT
    errors: list[_Error] = []


_decoder = msgspec.json.Decoder(_Line)


class XStream(Stream[Post]):
    """Posts of X: those that match the rules of the app, or a sample of all. `until` is our clock."""

    silence_s = 25.0  # it sends a blank line every 20 s, and that one late

    def __init__(  # noqa: PLR0913 - the options of a stream
        self, api: ApiClient, post_filter: PostFilter, reading: Reading, *,
        sample: bool = False, rules: Sequence[str] = (), backfill: int = 0,
    ) -> None:  # fmt: skip
        name = name_of("x:sample" if sample else "x:stream", post_filter, *sorted(rules))
        super().__init__(name, api, V2Reader(reading), reading)
        self._path = "/2/tweets/sample/stream" if sample else "/2/tweets/search/stream"
        self._rules: Sequence[str] | None = None if sample else rules
        self._backfill_ms = backfill * MINUTE_MS
        self._filling: Millis = 0

    @classmethod
    def from_request(cls, request: ServiceRequest[XSettings]) -> Self:
        """See `Service`."""
        settings, options, names = request.settings, request.options, "TRENDS_X__TOKEN or TRENDS_X__TOKEN_FILE"
        if options["sample"] and options["rule"]:
            raise UsageError("--sample takes no --rule: it is a sample of all posts")
        token = token_of(settings.token, settings.token_file, names)
        api = ApiClient(settings.url, token, request.reading.now, names)
        return cls(
            api, request.post_filter, request.reading,
            sample=options["sample"], rules=options["rule"], backfill=options["backfill"],
        )  # fmt: skip

    def remember_since(self) -> int:
        """The longest backfill, which X counts in whole minutes."""
        return self.until - self._backfill_ms - MINUTE_MS if self._backfill_ms else super().remember_since()

    def advance(self, record: bytes | None) -> None:
        """See `Service`. During a backfill the position stays in the past."""
        if self._filling and record != b"" and (self.newest or 0) < self._filling:
            return
        self._filling = 0
        super().advance(record)

    @asynccontextmanager
    async def connect(self, on_bytes: OnBytes) -> AsyncGenerator[AsyncGenerator[bytes, None], None]:
        """See `Service`."""
        async with self.api.client() as client:
            if self._rules is not None:
                await set_rules(client, self.api, self._rules)
                self._rules = None  # a change of them while this runs is deliberate
            async with self.api.stream(client, self._path, self._params(), on_bytes) as response:
                self.report_missing(self._backfill_ms, "the stream does not replay further back")
                self._filling = self.now() if self._backfill_ms and self.until else 0
                self.advance(None)
                yield self._records(response)

    def _params(self) -> dict[str, str]:
        minutes = -(-(self.now() - self.until) // MINUTE_MS)
        if not self._backfill_ms or not self.until:
            return FIELDS
        return FIELDS | {"backfill_minutes": str(max(1, min(minutes, self._backfill_ms // MINUTE_MS)))}

    async def _records(self, response: httpx.Response) -> AsyncGenerator[bytes, None]:
        """Lines. A last line without its end is incomplete, and no record."""
        rest = b""
        try:
            async for part in response.aiter_bytes():
                *lines, rest = (rest + part).split(b"\n")
                for line in lines:
                    yield line.strip()
                    self._end_with_error(line)
        except (httpx.HTTPError, httpx.StreamError) as error:
            raise DroppedError(f"the connection was closed: {error}", where=self.where) from None

    def _end_with_error(self, line: bytes) -> None:
        """An error of the stream, and not merely of something that a post refers to, ends the connection."""
        if b'"errors"' not in line:
            return
        try:
            answer = _decoder.decode(line)
        except msgspec.MsgspecError:
            return
        if answer.errors and answer.data == _ABSENT:
            error = answer.errors[0]
            raise DroppedError(safe_text(f"{error.title}: {error.detail}"), where=self.where, kind="http")
