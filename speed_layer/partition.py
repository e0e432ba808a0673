"""Partition: what the spout knows and does for one Kafka partition. Pure: no server, and clocks are passed in.

    lost ──start──► reading ──cut──► in flight ──all acked──► reading      (the next chunk folds while one is in flight)
      ▲                                  │
      └────── a fail, and all reported ──┘

Lost, it knows nothing: progress and lanes are read again, and messages are fetched anew from progress on. While a tuple
of its chunk has not reported, nothing is read: the chunk's own late commits would make the next one fail.
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from config.errors import TrendsError
from ingest.hours import Hour, Millis
from ingest.wire import Reject
from speed_layer.fold import Fold, Message, OutOfOrderError
from speed_layer.lane_update import Step

log = logging.getLogger(__name__)

FEWEST_ROWS = 250
FIRST_WAIT_MS, LONGEST_WAIT_MS = 50, 10_000


@dataclass(frozen=True)
class Limits:
    """How large a chunk may grow."""

    chunk_messages: int = 10_000
    """From so many messages on a chunk is due."""
    backlog_messages: int = 50_000
    """What may be folded while a chunk is in flight."""
    chunk_ms: int = 100
    """From that age on a chunk is due."""
    rows: int = 10_000
    """Most rows in a chunk, so that its transaction ends well within the server's limit of 3 s. Halved by each fail."""
    known_lanes: int = 20_000
    """Lanes that are remembered. One that is not is looked up."""


@dataclass(frozen=True)
class World:
    """What a partition needs from outside."""

    park: Callable[[Sequence[Reject]], None]
    """Keeps rejects for good, or raises a `TrendsError`."""
    latest: Callable[[], Hour]
    """The last hour that a use may have now."""
    clock: Callable[[], Millis]
    """A clock that only goes forward."""


@dataclass
class _Flight:
    """A chunk whose tuples have been emitted and have not all reported."""

    serial: int
    fold: Fold
    waiting: set[str]
    failed: bool = False


class Partition:
    """One partition. The owner asks what it wants (`may_start`, `room`, `due`) and does it."""

    def __init__(self, topic: str, number: int, limits: Limits, world: World) -> None:
        self.number = number
        self.position = 0
        """Everything below is counted, and its rejects are parked: what progress may say."""
        self.serial = 0
        """Serial of the latest chunk."""
        self.lineage = ""
        """Whose offsets these are: what progress and lanes are named by."""
        self._topic = topic
        self._limits = limits
        self._world = world
        self._lanes: dict[str, int] = {}
        self._fold: Fold | None = None
        self._since_ms: Millis = 0
        self._flight: _Flight | None = None
        self._fails = 0
        self._retry_at: Millis = 0

    # Being lost, and starting

    @property
    def in_flight(self) -> bool:
        """Whether a chunk has tuples that have not reported."""
        return self._flight is not None

    def may_start(self) -> bool:
        """Whether it is lost, nothing is in flight any more, and the back-off is over."""
        return self._fold is None and self._flight is None and self._world.clock() >= self._retry_at

    def start(self, progress: int, lanes: Mapping[str, int], lineage: str = "") -> None:
        """Go on from progress. `lanes`: at least those whose next is beyond it; absent lanes are looked up later.

        `lineage`: whose offsets these are. It goes with every step.
        """
        self.position = progress
        self.lineage = lineage
        self._lanes = dict(lanes)
        self._open(progress)

    def lose(self, reason: str) -> None:
        """Forget what is folded. To be called for whatever went wrong: it is always safe."""
        wait = min(FIRST_WAIT_MS << min(self._fails, 16), LONGEST_WAIT_MS)
        self._fails += 1
        self._fold = None
        self._retry_at = self._world.clock() + wait
        log.warning("%s/%d: %s: reading again from progress in %d ms", self._topic, self.number, reason, wait)

    # Folding

    def room(self) -> int:
        """How many more messages it takes now."""
        if self._fold is None or (self._flight is not None and self._flight.failed):
            return 0
        return min(self._limits.backlog_messages - self._fold.messages, self._rows() - self._fold.rows)

    def take(self, messages: Iterable[Message]) -> None:
        """Fold the messages that come next."""
        if self._fold is None:
            return
        if self._fold.messages == 0:
            self._since_ms = self._world.clock()
        try:
            self._fold.add(messages)
        except OutOfOrderError as error:
            self.lose(str(error))

    def ready(self) -> bool:
        """Whether there is a chunk that may be cut now."""
        return self._flight is None and self._fold is not None and self._fold.messages > 0

    def due(self) -> bool:
        """Whether its chunk should wait no longer."""
        return self.ready() and (
            self.room() <= 0
            or self._folded() >= self._limits.chunk_messages
            or self._world.clock() - self._since_ms >= self._limits.chunk_ms
        )

    def unknown(self) -> list[str]:
        """The hours of what is folded whose lanes it does not know. Look them up, and tell `learn`."""
        return [] if self._fold is None else [hour for hour in self._fold.named() if hour not in self._lanes]

    def learn(self, lanes: Mapping[str, int]) -> None:
        """Lanes as they are stored; `NO_LANE` for one that is not there."""
        if self._fold is None:
            return
        if any(next_offset > self._fold.start for next_offset in lanes.values()):
            self.lose("another spout has counted here")  # part of what is folded is in that lane already
        else:
            self._lanes.update(lanes)

    def unlearn(self, hours: Iterable[str]) -> None:
        """These lanes were removed, since progress has passed them."""
        for hour in hours:
            self._lanes.pop(hour, None)

    # In flight

    def cut(self) -> list[Step]:
        """Send what is folded: one step an hour, under a new serial. Call only while `ready` and nothing is unknown."""
        if not self.ready() or self._fold is None:
            return []
        fold, hours = self._fold, self._fold.hours()
        self.serial += 1
        self._flight = _Flight(self.serial, fold, set(hours))
        self._open(fold.next)
        steps = [
            Step(hour, self.number, fold.start, self._lanes[hour], fold.next, counts, self.lineage)
            for hour, counts in hours.items()
        ]
        self._reported()  # a chunk without steps is counted at once
        return steps

    def ack(self, serial: int, hour: str) -> None:
        """A step is counted. Reports of an older chunk are ignored."""
        if self._flight is not None and self._flight.serial == serial:
            self._flight.waiting.discard(hour)
            self._reported()

    def fail(self, serial: int, hour: str) -> None:
        """A step was refused, or nothing was heard of it: it may be counted or not."""
        if self._flight is not None and self._flight.serial == serial:
            self._flight.failed = True
            self._flight.waiting.discard(hour)
            self._reported()

    def _reported(self) -> None:
        flight = self._flight
        if flight is None or flight.waiting:
            return
        self._flight = None
        if flight.failed:
            self.lose("a step was refused or timed out")
            return
        try:
            self._world.park(flight.fold.rejects)
        except TrendsError as error:
            self.lose(str(error))
            return
        self._passed(flight.fold)

    def _passed(self, fold: Fold) -> None:
        """The chunk is counted: remember its lanes, the latest last, and let go of the oldest."""
        self._fails = 0
        self.position = fold.next
        for hour in fold.named():
            self._lanes.pop(hour, None)
            self._lanes[hour] = fold.next
        surplus = len(self._lanes) - self._limits.known_lanes
        if surplus > 0:
            for hour in [hour for hour, at in self._lanes.items() if at <= fold.next][:surplus]:
                del self._lanes[hour]

    def _open(self, start: int) -> None:
        self._fold = Fold(self._topic, self.number, start, self._lanes, self._world.latest)

    def _rows(self) -> int:
        return max(FEWEST_ROWS, self._limits.rows >> self._fails)

    def _folded(self) -> int:
        return 0 if self._fold is None else self._fold.messages
