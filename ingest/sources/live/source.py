"""A live source: batches from a connection to a service, and another connection when that one ends.

Nothing runs while the batches are not asked for: a connection is read record by record on an event loop that lives in
here, so a producer that waits for Kafka slows the service down, and nothing is piled up.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field

import msgspec

from config.errors import BadRecordError, TrendsError, UsageError
from ingest.hours import Millis
from ingest.post import Post
from ingest.sources.base import Batch, Cursor
from ingest.sources.batching import BatchBuilder
from ingest.sources.formats.contract import BrokenPart, Item
from ingest.sources.live.dedup import RecentKeys
from ingest.sources.live.reconnect import Reconnector
from ingest.sources.live.service import Service
from ingest.sources.selection import PostFilter
from ingest.sources.status import REPORT_EVERY_S, State, Tally
from ingest.wire import Reject


@dataclass(frozen=True)
class RunOptions:
    """How a live source is to run."""

    post_filter: PostFilter = field(default_factory=PostFilter)
    stop: threading.Event = field(default_factory=threading.Event)
    """Ends it."""
    batch_ms: int = 200
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    """How to wait between attempts to connect."""


class LiveCursor(msgspec.Struct, frozen=True):
    """The cursor of a live source."""

    until: int = 0
    """Up to where it is read: milliseconds by our clock, or the service's own measure. 0: nothing was read yet."""
    posts: int = 0
    """Posts given since the beginning."""
    seen: str = ""
    """What the service may give again: see `RecentKeys`."""
    last: int = 0
    """The last record by its number, where the service numbers them."""


class LiveSource:
    """Posts of a service as they are published. Its cursor is a `LiveCursor`."""

    def __init__(self, service: Service, options: RunOptions) -> None:
        self.name = service.name
        self._service = service
        self._options = options
        self._progress = _Progress()

    def batches(self, cursor: Cursor, most: int) -> Iterator[Batch]:
        """See `Source`. Ends when it is stopped, or has given as many posts as were asked for."""
        try:
            position = msgspec.convert(cursor, LiveCursor)
        except msgspec.ValidationError as error:
            raise UsageError(f"not a cursor of a live source: {error}", next_step="`--restart` begins anew") from None
        self._progress = _Progress()
        return _Run(self._service, self._options, position, self._progress).batches(most)

    def final_state(self, state: str, why: str) -> State:
        """How it stands when its batches have ended, which they can't tell themselves."""
        now = self._service.now()
        told = State(state=state, since=now, at=now, where=self._service.where, why=why)
        return self._progress.with_progress(told, self._service)


@dataclass
class _Progress:
    """What a run has read up to now."""

    tally: Tally = field(default_factory=Tally)
    last_post_at: Millis | None = None

    def with_progress(self, state: State, service: Service) -> State:
        """The state, with how far it is read."""
        return msgspec.structs.replace(state, newest=service.newest, last_post_at=self.last_post_at, tally=self.tally)


class _Run:
    """One run of a live source, from a position on."""

    def __init__(self, service: Service, options: RunOptions, position: LiveCursor, read: _Progress) -> None:
        service.until, service.last, service.newest, service.gaps = position.until, position.last, None, []
        self._service = service
        self._options = options
        self._progress = read
        self._given = position.posts
        self._recent_keys = RecentKeys(position.seen, service.mark)
        self._reconnector = Reconnector(service, options.sleep)
        self._failure: TrendsError | None = None
        self._reported: State | None = None
        self._reported_at = 0.0

    def batches(self, most: int) -> Iterator[Batch]:
        """See `Source`."""
        with asyncio.Runner() as runner:
            try:
                while not self._is_over:
                    batch = runner.run(self._batch(most))
                    if batch is not None:
                        yield batch
                    if self._failure is not None:
                        raise self._failure
            finally:
                runner.run(self._reconnector.close())

    @property
    def _is_over(self) -> bool:
        return self._options.stop.is_set() or self._given == self._options.post_filter.limit

    async def _batch(self, most: int) -> Batch | None:
        """What comes in the time of a batch; None where there is nothing to tell."""
        builder, clock = BatchBuilder(), asyncio.get_running_loop().time
        ends = clock() + self._options.batch_ms / 1000
        while (left := ends - clock()) > 0 and not self._is_over:
            try:
                record = await self._reconnector.next(left)
            except TrendsError as error:  # first what was read before
                self._failure = error
                break
            if record is not None:
                self._take(record, builder)
            if len(builder.posts) + len(builder.rejects) >= most:
                break
        if builder.posts or builder.filtered:
            self._progress.last_post_at = self._service.now()
        self._progress.tally = builder.add_to(self._progress.tally, self._reconnector.connections)
        state = self._state_due(clock())
        if state is None and not self._service.gaps and not builder:
            return None
        gaps, self._service.gaps = tuple(self._service.gaps), []
        return builder.batch(self._cursor(), gaps, state)

    def _take(self, record: bytes, builder: BatchBuilder) -> None:
        builder.read_bytes += len(record)
        self._service.advance(record)
        try:
            items = self._service.reader.read(record)
        except BadRecordError as error:
            items = [BrokenPart(record, error.reason)]
        for item in items:
            key = item.id.encode() if isinstance(item, Post) else record
            if self._recent_keys.add(key, self._service.mark):
                self._put(item, builder)
                if isinstance(item, Post):
                    self._reconnector.gave()
            elif isinstance(item, Post):
                builder.repeated += 1

    def _put(self, item: Item, builder: BatchBuilder) -> None:
        if isinstance(item, BrokenPart):
            builder.rejects.append(
                Reject(item.raw, "ingest", item.reason, self._service.where, self._service.reader.spec)
            )
        elif not isinstance(item, Post):
            builder.notices += 1
        else:
            self._service.newest = max(self._service.newest or 0, item.created_at)
            self._given += builder.add(item, self._options.post_filter)

    def _cursor(self) -> Cursor:
        if not self._service.until and not self._recent_keys:
            return {}  # it never came so far as to read anything
        seen = self._recent_keys.pack(self._service.remember_since())
        cursor: Cursor = msgspec.to_builtins(LiveCursor(self._service.until, self._given, seen, self._service.last))
        return cursor

    def _state_due(self, clock: float) -> State | None:
        """How it stands, where that is new or was not told for some time."""
        state = self._reconnector.state
        if self._reported is state and clock - self._reported_at < REPORT_EVERY_S:
            return None
        self._reported, self._reported_at = state, clock
        return self._progress.with_progress(msgspec.structs.replace(state, at=self._service.now()), self._service)
