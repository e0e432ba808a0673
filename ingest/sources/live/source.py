"""A live source: batches from a connection to a service, and another connection when that one ends.

It reads a connection record by record, on an event loop of its own that runs only while the caller waits for a batch: a
producer that waits for Kafka slows the service down, and memory does not grow.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Generic

import msgspec

from config.errors import BadRecordError, TrendsError, UsageError
from ingest.hours import Millis
from ingest.sources.base import Batch, Cursor, ItemFilter, T
from ingest.sources.batching import BatchBuilder
from ingest.sources.formats.contract import BrokenPart, Notice
from ingest.sources.live.reconnect import Reconnector
from ingest.sources.live.service import Service
from ingest.sources.status import CONNECTED, REPORT_EVERY_S, State, Tally
from ingest.wire import Reject


@dataclass(frozen=True)
class RunOptions(Generic[T]):
    """Options of a run."""

    item_filter: ItemFilter[T]
    stop: threading.Event = field(default_factory=threading.Event)
    """Ends it."""
    batch_ms: int = 200
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    """How to wait between attempts to connect."""


class LiveCursor(msgspec.Struct, frozen=True):
    """The cursor of a live source."""

    until: int = 0
    """Position: milliseconds by our clock, or the service's own measure. 0: the source has read nothing yet."""
    posts: int = 0
    """Posts given since the beginning."""
    seen: str = ""
    """What the service may send again: see `Memory`."""
    last: int = 0
    """The last record by its number, where the service numbers them."""


class LiveSource(Generic[T]):
    """Reads the items of a service as they appear. Its cursor is a `LiveCursor`."""

    def __init__(self, service: Service[T], options: RunOptions[T]) -> None:
        self.name = service.name
        self._service = service
        self._options = options
        self._progress = _Progress()

    def batches(self, cursor: Cursor, most: int) -> Iterator[Batch[T]]:
        """See `Source`. Ends at `stop` or at the limit of the filter."""
        try:
            position = msgspec.convert(cursor, LiveCursor)
        except msgspec.ValidationError as error:
            raise UsageError(
                f"not a cursor of a live source: {error}", next_step="`--restart` starts from the beginning"
            ) from None
        self._progress = _Progress()
        return _Run(self._service, self._options, position, self._progress).batches(most)

    def final_state(self, state: str, why: str) -> State:
        """The state after the last batch, for the caller to commit."""
        now = self._service.now()
        told = State(state=state, since=now, at=now, where=self._service.where, why=why)
        return self._progress.with_progress(told, self._service)


@dataclass
class _Progress:
    """Progress of a run."""

    tally: Tally = field(default_factory=Tally)
    last_post_at: Millis | None = None

    def with_progress(self, state: State, service: Service[T]) -> State:
        """A state with this progress."""
        return msgspec.structs.replace(state, newest=service.newest, last_post_at=self.last_post_at, tally=self.tally)


class _Run(Generic[T]):
    """One run of a live source, from a position on."""

    def __init__(self, service: Service[T], options: RunOptions[T], position: LiveCursor, read: _Progress) -> None:
        service.until, service.last, service.newest, service.gaps = position.until, position.last, None, []
        self._service = service
        self._options = options
        self._progress = read
        self._given = position.posts
        self._memory = service.memory(position.seen)
        self._reconnector = Reconnector(service, options.sleep)
        self._failure: TrendsError | None = None
        self._reported: tuple[State | None, str] = (None, "")
        self._reported_at = 0.0

    def batches(self, most: int) -> Iterator[Batch[T]]:
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
        limit = self._options.item_filter.limit
        full = limit is not None and self._given >= limit
        return full or self._service.over or self._options.stop.is_set()

    async def _batch(self, most: int) -> Batch[T] | None:
        """The batch of the next `batch_ms`; None without anything to report."""
        builder, clock = BatchBuilder[T](), asyncio.get_running_loop().time
        ends = clock() + self._options.batch_ms / 1000
        while (left := ends - clock()) > 0 and not self._is_over:
            try:
                record = await self._reconnector.next(left)
            except TrendsError as error:  # the records before it come first
                self._failure = error
                break
            if record is not None:
                self._take(record, builder)
            if len(builder.items) + len(builder.rejects) >= most or builder.answered:
                break
        if builder.items or builder.filtered:
            self._progress.last_post_at = self._service.now()
        self._progress.tally = builder.add_to(self._progress.tally, self._reconnector.connections)
        state = self._state_due(clock())
        if state is None and not self._service.gaps and not builder:
            return None
        gaps, self._service.gaps = tuple(self._service.gaps), []
        return builder.batch(self._cursor(), gaps, state)

    def _take(self, record: bytes, builder: BatchBuilder[T]) -> None:
        builder.read_bytes += len(record)
        self._service.advance(record)
        if self._service.polls:
            builder.answered = True
            self._reconnector.gave()
        try:
            items: Sequence[T | BrokenPart | Notice] = self._service.reader.read(record)
        except BadRecordError as error:
            items = [BrokenPart(record, error.reason)]
        for item in items:
            if isinstance(item, BrokenPart | Notice):
                if self._memory.is_new_part(record, item, self._service.mark):
                    self._count(item, builder)
                continue
            self._service.newest = max(self._service.newest or 0, item.at)
            if self._memory.is_new(item, self._service.mark):
                self._reconnector.gave()
                self._given += builder.add(item, self._options.item_filter)
            else:
                builder.repeated += 1

    def _count(self, part: BrokenPart | Notice, builder: BatchBuilder[T]) -> None:
        if isinstance(part, Notice):
            builder.notices += 1
        else:
            where, spec = self._service.where, self._service.reader.spec
            builder.rejects.append(Reject(part.raw, "ingest", part.reason, where, spec))

    def _cursor(self) -> Cursor:
        if not self._service.until and not self._memory:
            return {}  # it never came so far as to read anything
        seen = self._memory.pack(self._service.remember_since())
        cursor: Cursor = msgspec.to_builtins(LiveCursor(self._service.until, self._given, seen, self._service.last))
        return cursor

    def _state_due(self, clock: float) -> State | None:
        """The state, if it is new or the last report is old."""
        state = self._reconnector.state
        why = self._service.remark if state.state == CONNECTED else state.why
        reported, text = self._reported
        if reported is state and text == why and clock - self._reported_at < REPORT_EVERY_S:
            return None
        self._reported, self._reported_at = (state, why), clock
        told = msgspec.structs.replace(state, at=self._service.now(), why=why)
        return self._progress.with_progress(told, self._service)
