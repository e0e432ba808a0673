"""Whatever breaks a live source, wherever it is started again: each post comes once, in order, and no gap is invented.

The service is a log that repeats some of what it gave, as Jetstream does; it is cut anywhere, and any batch may be the
last that was committed.
"""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.post import Post
from ingest.sources.base import Cursor
from ingest.sources.live.backoff import DroppedError
from ingest.sources.live.service import OnBytes, Service
from ingest.sources.live.source import LiveSource, RunOptions
from ingest.sources.selection import PostFilter
from ingest.sources.x.v2 import V2Reader
from tests.support.sources import NOW, reading

REWIND = 3


class Log(Service[Post]):
    """Records by number. Each connection begins `REWIND` before the last one read, and ends after as many as told."""

    silence_s = 60.0

    def __init__(self, records: int, cuts: list[int]) -> None:
        super().__init__("log", V2Reader(reading()), reading())
        self._records = records
        self._cuts = iter(cuts)

    @asynccontextmanager
    async def connect(self, on_bytes: OnBytes) -> AsyncGenerator[AsyncGenerator[bytes, None], None]:
        cut = next(self._cuts, self._records)
        if cut == 0:
            raise DroppedError("down")
        yield self._from(max(0, self.until - REWIND), cut)

    async def _from(self, first: int, sends: int) -> AsyncGenerator[bytes, None]:
        for number in range(first, min(first + sends, self._records)):
            yield json.dumps({"data": {"id": str((number + 1 << 22) + (NOW << 20)), "text": f"#{number}"}}).encode()

    def advance(self, record: bytes | None) -> None:
        if record is not None:
            self.until = max(self.until, int(json.loads(record)["data"]["text"][1:]) + 1)

    def remember_since(self) -> int:
        return self.until - 2 * REWIND


async def at_once(_seconds: float) -> None:
    """No wait."""


@settings(max_examples=150, deadline=None)
@given(
    records=st.integers(1, 30),
    cuts=st.lists(st.integers(0, 9), max_size=12),
    most=st.integers(1, 7),
    committed=st.lists(st.integers(0, 5), max_size=5),
)
def test_each_post_comes_once(records: int, cuts: list[int], most: int, committed: list[int]) -> None:
    service, cursor, found = Log(records, [cut or int(n % 3 == 0) for n, cut in enumerate(cuts)]), Cursor(), []
    options = RunOptions(PostFilter(limit=records), batch_ms=10_000, sleep=at_once)
    for last in [*committed, None]:  # after each of these batches it is killed
        for number, batch in enumerate(LiveSource(service, options).batches(cursor, most)):
            if number == last:
                break  # what comes from here on was not committed
            found += [post.text for post in batch.items]
            cursor = json.loads(json.dumps(batch.cursor))
            assert not batch.gaps
    assert found == [f"#{number}" for number in range(records)]
