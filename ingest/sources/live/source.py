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
from ingest.sources.batching import Gathered
from ingest.sources.formats.contract import Broken, Item
from ingest.sources.live.dedup import Seen
from ingest.sources.live.reconnect import Connecting
from ingest.sources.live.service import Service
from ingest.sources.selection import Wanted
from ingest.sources.status import TELL_EVERY_S, State, Tally
from ingest.wire import Reject


@dataclass(frozen=True)
class Going:
    """How a live source is to run."""

    wanted: Wanted = field(default_factory=Wanted)
    stop: threading.Event = field(default_factory=threading.Event)
    """Ends it."""
    batch_ms: int = 200
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    """How to wait between attempts to connect."""


class Position(msgspec.Struct, frozen=True):
    """The cursor of a live source."""

    until: int = 0
    """Up to where it is read: milliseconds by our clock, or the service's own measure. 0: nothing was read yet."""
    posts: int = 0
    """Posts given since the beginning."""
    seen: str = ""
    """What the service may give again: see `Seen`."""
    last: int = 0
    """The last record by its number, where the service numbers them."""


class LiveSource:
    """Posts of a service as they are published. Its cursor is a `Position`."""

    def __init__(self, service: Service, going: Going) -> None:
        self.name = service.name
        self._service = service
        self._going = going
        self._read = _Read()

    def batches(self, cursor: Cursor, most: int) -> Iterator[Batch]:
        """See `Source`. Ends when it is stopped, or has given as many posts as were asked for."""
        try:
            position = msgspec.convert(cursor, Position)
        except msgspec.ValidationError as error:
            raise UsageError(f"not a cursor of a live source: {error}", next_step="`--restart` begins anew") from None
        self._read = _Read()
        return _Run(self._service, self._going, position, self._read).batches(most)

    def ended(self, state: str, why: str) -> State:
        """How it stands when its batches have ended, which they can't tell themselves."""
        now = self._service.now()
        told = State(state=state, since=now, at=now, where=self._service.where, why=why)
        return self._read.told_with(told, self._service)


@dataclass
class _Read:
    """What a run has read up to now."""

    tally: Tally = field(default_factory=Tally)
    last_post_at: Millis | None = None

    def told_with(self, state: State, service: Service) -> State:
        """The state, with how far it is read."""
        return msgspec.structs.replace(state, newest=service.newest, last_post_at=self.last_post_at, tally=self.tally)


class _Run:
    """One run of a live source, from a position on."""

    def __init__(self, service: Service, going: Going, position: Position, read: _Read) -> None:
        service.until, service.last, service.newest, service.gaps = position.until, position.last, None, []
        self._service = service
        self._going = going
        self._read = read
        self._given = position.posts
        self._seen = Seen(position.seen, service.mark)
        self._connecting = Connecting(service, going.sleep)
        self._failure: TrendsError | None = None
        self._told: State | None = None
        self._told_at = 0.0

    def batches(self, most: int) -> Iterator[Batch]:
        """See `Source`."""
        with asyncio.Runner() as runner:
            try:
                while not self._ended:
                    batch = runner.run(self._batch(most))
                    if batch is not None:
                        yield batch
                    if self._failure is not None:
                        raise self._failure
            finally:
                runner.run(self._connecting.close())

    @property
    def _ended(self) -> bool:
        return self._going.stop.is_set() or self._given == self._going.wanted.limit

    async def _batch(self, most: int) -> Batch | None:
        """What comes in the time of a batch; None where there is nothing to tell."""
        gathered, clock = Gathered(), asyncio.get_running_loop().time
        ends = clock() + self._going.batch_ms / 1000
        while (left := ends - clock()) > 0 and not self._ended:
            try:
                record = await self._connecting.next(left)
            except TrendsError as error:  # first what was read before
                self._failure = error
                break
            if record is not None:
                self._take(record, gathered)
            if len(gathered.posts) + len(gathered.rejects) >= most:
                break
        if gathered.posts or gathered.filtered:
            self._read.last_post_at = self._service.now()
        self._read.tally = gathered.added_to(self._read.tally, self._connecting.connections)
        state = self._state_due(clock())
        if state is None and not self._service.gaps and not gathered:
            return None
        gaps, self._service.gaps = tuple(self._service.gaps), []
        return gathered.batch(self._cursor(), gaps, state)

    def _take(self, record: bytes, gathered: Gathered) -> None:
        gathered.read_bytes += len(record)
        self._service.advance(record)
        try:
            items = self._service.reader.read(record)
        except BadRecordError as error:
            items = [Broken(record, error.reason)]
        for item in items:
            key = item.id.encode() if isinstance(item, Post) else record
            if self._seen.add(key, self._service.mark):
                self._put(item, gathered)
                if isinstance(item, Post):
                    self._connecting.gave()
            elif isinstance(item, Post):
                gathered.repeated += 1

    def _put(self, item: Item, gathered: Gathered) -> None:
        if isinstance(item, Broken):
            gathered.rejects.append(
                Reject(item.raw, "ingest", item.reason, self._service.where, self._service.reader.spec)
            )
        elif not isinstance(item, Post):
            gathered.notices += 1
        else:
            self._service.newest = max(self._service.newest or 0, item.created_at)
            self._given += gathered.take(item, self._going.wanted)

    def _cursor(self) -> Cursor:
        if not self._service.until and not self._seen:
            return {}  # it never came so far as to read anything
        seen = self._seen.packed(self._service.kept_since())
        cursor: Cursor = msgspec.to_builtins(Position(self._service.until, self._given, seen, self._service.last))
        return cursor

    def _state_due(self, clock: float) -> State | None:
        """How it stands, where that is new or was not told for some time."""
        state = self._connecting.state
        if self._told is state and clock - self._told_at < TELL_EVERY_S:
            return None
        self._told, self._told_at = state, clock
        return self._read.told_with(msgspec.structs.replace(state, at=self._service.now()), self._service)
