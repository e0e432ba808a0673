"""Partition: the spout's state of one Kafka partition. Pure: no server, and the clock is an argument.

    lost ──start──► reading ──cut──► in flight ──all acked──► reading      (the next chunk folds while one is in flight)
      ▲                                  │
      └────── a fail, and all reported ──┘

A lost partition knows nothing: its owner reads progress and lanes again, and fetches messages from progress on. Before
that, every tuple of the chunk must report: the chunk's own late commits would make the next one fail.
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from config.errors import TrendsError
from ingest.hours import Hour, Millis
from ingest.wire import Reject
from speed_layer.fold import Fold, Message, OutOfOrderError
from speed_layer.lane_update import LaneUpdate

log = logging.getLogger(__name__)

FEWEST_ROWS = 250
FIRST_WAIT_MS, LONGEST_WAIT_MS = 50, 10_000


@dataclass(frozen=True)
class Limits:
    """How large a chunk may grow."""

    chunk_messages: int = 10_000
    """A chunk with so many messages is due."""
    backlog_messages: int = 50_000
    """Most messages to fold while a chunk is in flight."""
    chunk_ms: int = 100
    """A chunk of that age is due."""
    rows: int = 10_000
    """Most rows in a chunk, so that its transaction ends well within the server's limit of 3 s. Each fail halves it."""
    known_lanes: int = 20_000
    """Lanes to remember. The owner looks others up."""


@dataclass(frozen=True)
class Environment:
    """The surroundings of a partition: dead letters and clocks."""

    park: Callable[[Sequence[Reject]], None]
    """Delivers rejects to Kafka, or raises a `TrendsError`."""
    latest: Callable[[], Hour]
    """Returns the last hour that a use may have now."""
    clock: Callable[[], Millis]
    """A clock that only goes forward."""


@dataclass
class _Flight:
    """A chunk whose tuples are on their way: some have not reported."""

    serial: int
    fold: Fold
    waiting: set[str]
    failed: bool = False


class Partition:
    """One partition. Its owner calls `may_start`, `room` and `due`, and acts on the answers."""

    def __init__(self, topic: str, number: int, limits: Limits, environment: Environment) -> None:
        self.number = number
        self.position = 0
        """Everything below is counted, and its rejects are in Kafka: progress may say so."""
        self.serial = 0
        """Serial of the latest chunk."""
        self.lineage = ""
        """The topic of these offsets, in the names of progress and lanes."""
        self._topic = topic
        self._limits = limits
        self._environment = environment
        self._lanes: dict[str, int] = {}
        self._fold: Fold | None = None
        self._since_ms: Millis = 0
        self._flight: _Flight | None = None
        self._fails = 0
        self._retry_at: Millis = 0

    # Being lost, and starting

    @property
    def in_flight(self) -> bool:
        """Whether a chunk has tuples that have not reported yet."""
        return self._flight is not None

    def may_start(self) -> bool:
        """Whether it is lost, has nothing in flight any more, and its back-off is over."""
        return self._fold is None and self._flight is None and self._environment.clock() >= self._retry_at

    def start(self, progress: int, lanes: Mapping[str, int], lineage: str = "") -> None:
        """Go on from progress. `lanes`: at least those whose next is beyond it; `unknown_hours` names the others.

        `lineage`: of these offsets. It goes with every update.
        """
        self.position = progress
        self.lineage = lineage
        self._lanes = dict(lanes)
        self._open(progress)

    def lose(self, reason: str) -> None:
        """Forget the fold. Call it after any error: it is always safe."""
        wait = min(FIRST_WAIT_MS << min(self._fails, 16), LONGEST_WAIT_MS)
        self._fails += 1
        self._fold = None
        self._retry_at = self._environment.clock() + wait
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
            self._since_ms = self._environment.clock()
        try:
            self._fold.add(messages)
        except OutOfOrderError as error:
            self.lose(str(error))

    def ready(self) -> bool:
        """Whether `cut` would give a chunk now."""
        return self._flight is None and self._fold is not None and self._fold.messages > 0

    def due(self) -> bool:
        """Whether its chunk should wait no longer."""
        return self.ready() and (
            self.room() <= 0
            or self._messages() >= self._limits.chunk_messages
            or self._environment.clock() - self._since_ms >= self._limits.chunk_ms
        )

    def unknown_hours(self) -> list[str]:
        """The hours of the fold whose lanes it does not know. Look them up, and call `learn`."""
        return [] if self._fold is None else [hour for hour in self._fold.uncounted_hours() if hour not in self._lanes]

    def learn(self, lanes: Mapping[str, int]) -> None:
        """Take the next of lanes from the store; `NO_LANE` for one that does not exist."""
        if self._fold is None:
            return
        if any(next_offset > self._fold.start for next_offset in lanes.values()):
            self.lose("another spout has counted here")  # part of the fold is in that lane already
        else:
            self._lanes.update(lanes)

    def unlearn(self, hours: Iterable[str]) -> None:
        """Forget lanes that a sweep has removed."""
        for hour in hours:
            self._lanes.pop(hour, None)

    # In flight

    def cut(self) -> list[LaneUpdate]:
        """The fold as one update an hour, under a new serial. Call it while `ready` and no hour is unknown."""
        if not self.ready() or self._fold is None:
            return []
        fold, hours = self._fold, self._fold.hours()
        self.serial += 1
        self._flight = _Flight(self.serial, fold, set(hours))
        self._open(fold.next)
        updates = [
            LaneUpdate(hour, self.number, fold.start, self._lanes[hour], fold.next, counts, self.lineage)
            for hour, counts in hours.items()
        ]
        self._finish_flight()  # a chunk without updates has nothing to wait for
        return updates

    def ack(self, serial: int, hour: str) -> None:
        """Storm acked an update: it is counted. A report of an older chunk changes nothing."""
        if self._flight is not None and self._flight.serial == serial:
            self._flight.waiting.discard(hour)
            self._finish_flight()

    def fail(self, serial: int, hour: str) -> None:
        """A bolt refused an update, or it timed out: it may be counted or not."""
        if self._flight is not None and self._flight.serial == serial:
            self._flight.failed = True
            self._flight.waiting.discard(hour)
            self._finish_flight()

    def _finish_flight(self) -> None:
        flight = self._flight
        if flight is None or flight.waiting:
            return
        self._flight = None
        if flight.failed:
            self.lose("a lane update was refused or timed out")
            return
        try:
            self._environment.park(flight.fold.rejects)
        except TrendsError as error:
            self.lose(str(error))
            return
        self._advance(flight.fold)

    def _advance(self, fold: Fold) -> None:
        """The chunk is counted: remember its lanes, the latest last, and forget the oldest."""
        self._fails = 0
        self.position = fold.next
        for hour in fold.uncounted_hours():
            self._lanes.pop(hour, None)
            self._lanes[hour] = fold.next
        surplus = len(self._lanes) - self._limits.known_lanes
        if surplus > 0:
            for hour in [hour for hour, at in self._lanes.items() if at <= fold.next][:surplus]:
                del self._lanes[hour]

    def _open(self, start: int) -> None:
        self._fold = Fold(self._topic, self.number, start, self._lanes, self._environment.latest)

    def _rows(self) -> int:
        return max(FEWEST_ROWS, self._limits.rows >> self._fails)

    def _messages(self) -> int:
        return 0 if self._fold is None else self._fold.messages
