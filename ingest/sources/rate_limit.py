"""Pace: no more posts a second than asked for."""

import threading
import time
from collections.abc import Iterator
from typing import Generic

from ingest.sources.base import Batch, Cursor, Source, T


class RateLimited(Generic[T]):
    """A source at so many posts a second. Each of its small batches lasts for `batch_ms`."""

    def __init__(self, source: Source[T], per_second: float, batch_ms: int, stop: threading.Event) -> None:
        self.name = source.name
        self._source = source
        self._per_second = per_second
        self._most = max(1, int(per_second * batch_ms / 1000))
        self._stop = stop

    def batches(self, cursor: Cursor, most: int) -> Iterator[Batch[T]]:
        """See `Source`. A batch waits until it is due; `stop` releases it at once."""
        return rate_limited(self._source.batches(cursor, min(most, self._most)), self._per_second, self._stop)


def rate_limited(batches: Iterator[Batch[T]], per_second: float, stop: threading.Event) -> Iterator[Batch[T]]:
    """Hold batches back, each until those before it have had their time."""
    due = time.monotonic()
    for batch in batches:
        stop.wait(max(0.0, due - time.monotonic()))
        yield batch
        due = max(due, time.monotonic() - 1.0) + len(batch.items) / per_second  # after a pause it catches up a second
