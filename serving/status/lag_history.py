"""Lag history: the lag of the speed layer, of the archive and of the batch layer, minute by minute, in memory.

The dashboard takes a sample at least once a minute, and with each status that it collects. A minute keeps the largest
value that it saw, `KEPT` minutes stay, and a restart loses all of them: for months of history there is Prometheus.
"""

import threading
from collections import OrderedDict
from dataclasses import dataclass

from ingest.hours import Millis
from serving.answers.explanation import Unknown
from serving.status.model import Status

MINUTE_MS = 60_000
KEPT = 24 * 60
"""Minutes that stay: a day, some 100 kB."""
LAGS = ("speed", "archive", "batch")


@dataclass(frozen=True)
class LagSample:
    """The lags of a minute; None where nobody knew."""

    at: Millis
    speed: int | None
    """Messages of `hashtags` that the speed layer has not counted."""
    archive: int | None
    """Messages of `posts` that the archive lacks."""
    batch: int | None
    """Complete hours that wait for the batch layer."""


class LagHistory:
    """The samples of one process. Threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._minutes: OrderedDict[Millis, LagSample] = OrderedDict()

    def add(self, status: Status, now: Millis) -> None:
        """Take the sample of a status."""
        minute = now - now % MINUTE_MS
        new = _sample(status, minute)
        with self._lock:
            self._minutes[minute] = _largest(self._minutes.get(minute), new)
            while len(self._minutes) > KEPT:
                self._minutes.popitem(last=False)

    def samples(self) -> list[LagSample]:
        """All samples, ascending."""
        with self._lock:
            return sorted(self._minutes.values(), key=lambda sample: sample.at)


def _sample(status: Status, at: Millis) -> LagSample:
    archive = status.archive
    return LagSample(
        at,
        None if isinstance(status.speed, Unknown) else status.speed.behind,
        None if isinstance(archive, Unknown) else archive.behind,
        None if isinstance(archive, Unknown) else archive.waiting,
    )


def _largest(before: LagSample | None, new: LagSample) -> LagSample:
    if before is None:
        return new
    return LagSample(new.at, *(_more(getattr(before, name), getattr(new, name)) for name in LAGS))


def _more(one: int | None, other: int | None) -> int | None:
    known = [each for each in (one, other) if each is not None]
    return max(known, default=None)
