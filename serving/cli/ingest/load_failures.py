"""Loads without a readable record: errors with the first reason and the next step."""

from collections.abc import Iterator
from typing import Generic

from config.errors import TrendsError
from config.quantity import quantity
from ingest.encoder import Counts
from ingest.producer import Committed
from ingest.sources.base import Batch, Cursor, Source, T
from ingest.wire import Reject


class FirstRefusal(Generic[T]):
    """Wraps a source and remembers its first reject."""

    def __init__(self, source: Source[T]) -> None:
        self.name = source.name
        self.first: Reject | None = None
        self._source = source

    def batches(self, cursor: Cursor, most: int) -> Iterator[Batch[T]]:
        """See `Source`."""
        for batch in self._source.batches(cursor, most):
            if self.first is None and batch.rejects:
                self.first = batch.rejects[0]
            yield batch


def refuse_nothing_read(committed: Committed, before: Cursor, first: Reject | None) -> None:
    """Raise if a load rejects every record, and no earlier run read any."""
    counts = committed.counts
    read = counts._replace(rejects=0, read_bytes=0) != Counts() or before.get("posts", 0)
    if counts.rejects and not read:
        many = f"all {quantity(counts.rejects, 'record')}" if counts.rejects > 1 else "the only record"
        raise TrendsError(
            f"{many} can't be read" + (f", the first since: {first.reason}" if first else ""),
            where=first.where if first else "",
            next_step="Name the columns, fields or format (`trends ingest file --help`), and read it again with "
            "--restart; `trends rejects list` shows what was refused",
        )
