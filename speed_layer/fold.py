"""Fold: messages of one partition become counts per hour and tag, in one pass. Pure.

It leaves out what a lane says is counted, so a chunk may be folded again with other boundaries.
"""

from collections.abc import Callable, Iterable, Mapping

from config.errors import BadRecordError, UsageError
from ingest.hours import EARLIEST_MS, Hour
from ingest.wire import Reject, Use, decode_use
from speed_layer.lane_update import Counts, hour_of_kind

Message = tuple[int, bytes | None]
"""Offset and value."""

_EARLIEST = Hour.of(EARLIEST_MS)


class OutOfOrderError(Exception):
    """An offset at or below one that was folded: what was fetched can't be trusted, so it is fetched again."""


class _HourFold:
    """The uses of one hour, and the offset below which they are counted already."""

    __slots__ = ("below", "counts", "shown")

    def __init__(self, below: int) -> None:
        self.below = below
        self.counts: dict[str, int] = {}
        self.shown: dict[str, str] = {}


class Fold:
    """The messages `[start, next)` of a partition, folded as they come."""

    def __init__(
        self, topic: str, partition: int, start: int, lanes: Mapping[str, int], latest: Callable[[], Hour]
    ) -> None:
        """`lanes`: next of each lane that may be beyond `start`. `latest`: the last hour that a use may have now."""
        self.start = start
        self.next = start
        self.messages = 0
        self.rows = 0
        """Distinct (hour, tag): what a transaction costs."""
        self.rejects: list[Reject] = []
        self._source = f"{topic}/{partition}"
        self._lanes = lanes
        self._latest = latest
        self._hours: dict[str, _HourFold] = {}

    def add(self, messages: Iterable[Message]) -> None:
        """Fold messages that follow those before. Raises `OutOfOrderError`; what can't be read is a reject."""
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

    def named(self) -> list[str]:
        """The hours that have uses which are not counted yet."""
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
            raise BadRecordError(f"an hour that can't be: {hour}")
        return _HourFold(self._lanes.get(name, 0))
