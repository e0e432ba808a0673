"""Fold: turns messages of one partition into counts per hour and tag, in one pass. Pure.

It skips the messages that a lane has counted, so a chunk may be folded again with other boundaries.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from config.errors import BadRecordError, UsageError
from ingest.hours import EARLIEST_MS, Hour, Millis, check_event_time
from ingest.rejects.stage import Rewrite
from ingest.wire import Reject, Use, decode_use
from speed_layer.lane_update import Counts, hour_of_kind

Message = tuple[int, bytes | None]
"""Offset and value."""

_EARLIEST = Hour.of(EARLIEST_MS)


class OutOfOrderError(Exception):
    """An offset at or below one of the fold: the reader must fetch these messages again."""


class _HourFold:
    """The uses of one hour from offset `below` on; the lane has counted those before."""

    __slots__ = ("below", "counts", "shown")

    def __init__(self, below: int) -> None:
        self.below = below
        self.counts: dict[str, int] = {}
        self.shown: dict[str, str] = {}


class Fold:
    """The counts of the messages `[start, next)` of a partition."""

    def __init__(
        self, topic: str, partition: int, start: int, lanes: Mapping[str, int], latest: Callable[[], Hour]
    ) -> None:
        """`lanes`: the next of each lane that may be beyond `start`. `latest` returns the last hour of a use."""
        self.start = start
        self.next = start
        self.messages = 0
        self.rows = 0
        """Distinct (hour, tag) pairs: the cost of a transaction."""
        self.rejects: list[Reject] = []
        self._source = f"{topic}/{partition}"
        self._lanes = lanes
        self._latest = latest
        self._hours: dict[str, _HourFold] = {}

    def add(self, messages: Iterable[Message]) -> None:
        """Fold messages that follow the last ones; unreadable ones become rejects. Raises `OutOfOrderError`."""
        hours = self._hours
        for offset, value in messages:
            if offset < self.next:
                raise OutOfOrderError(f"{self._source}@{offset} came after {self.next - 1}")
            self.next = offset + 1
            self.messages += 1
            try:
                use = decode_use(value or b"")
                name = hour_of_kind(use.hour, use.kind)
                hour = hours.get(name)
                if hour is None:
                    hour = hours[name] = self._open(use, name)
            except (BadRecordError, UsageError) as error:
                self.rejects.append(Reject(value or b"", "speed", error.what, f"{self._source}@{offset}"))
                continue
            if offset < hour.below:
                continue
            counts, tag = hour.counts, use.tag
            if tag in counts:
                counts[tag] += 1
            else:
                counts[tag] = 1
                hour.shown[tag] = use.shown
                self.rows += 1

    def uncounted_hours(self) -> list[str]:
        """The hours with uses that no lane has counted yet."""
        return [name for name, hour in self._hours.items() if hour.counts]

    def hours(self) -> dict[str, Counts]:
        """The tags of each of these hours."""
        return {
            name: {tag: (count, hour.shown[tag]) for tag, count in hour.counts.items()}
            for name, hour in self._hours.items()
            if hour.counts
        }

    def _open(self, use: Use, name: str) -> _HourFold:
        hour = Hour.parse(use.hour)
        if not _EARLIEST <= hour <= self._latest():
            raise BadRecordError(f"hour out of range: {hour}")
        return _HourFold(self._lanes.get(name, 0))


class UseRetry(NamedTuple):
    """Reads the uses again that a fold refused: stage `speed`. It writes them to their topic again."""

    topic: str
    now: Callable[[], Millis]
    future_ms: int

    def read_again(self, reject: Reject) -> Rewrite:
        """See `ingest.rejects.stage.ReadAgain`."""
        use = decode_use(reject.raw)
        check_event_time(Hour.parse(use.hour).start_ms, self.now(), self.future_ms)
        return Rewrite([(self.topic, reject.raw, use.tag.encode())], posts=0)
