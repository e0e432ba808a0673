"""A batch in the making."""

from dataclasses import dataclass, field
from typing import Generic

from ingest.sources.base import Batch, Cursor, ItemFilter, T
from ingest.sources.status import Gap, State, Tally
from ingest.wire import Reject


@dataclass
class BatchBuilder(Generic[T]):
    """Collects the fields of the next `Batch`."""

    items: list[T] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    notices: int = 0
    filtered: int = 0
    read_bytes: int = 0
    repeated: int = 0
    answered: bool = False
    """Whether it holds a whole answer of a service that the source polls: its cursor counts, even without an item."""

    def __bool__(self) -> bool:
        """Whether the source read anything, even if the filter dropped it."""
        return bool(self.items or self.rejects or self.notices or self.filtered or self.answered)

    def add(self, item: T, item_filter: ItemFilter[T]) -> bool:
        """Add an item that passes the filter; return whether it did."""
        if not item_filter.accepts(item):
            self.filtered += 1
            return False
        self.items.append(item)
        return True

    def add_to(self, tally: Tally, connections: int) -> Tally:
        """The tally with this batch."""
        return Tally(
            posts=tally.posts + len(self.items),
            rejects=tally.rejects + len(self.rejects),
            notices=tally.notices + self.notices,
            filtered=tally.filtered + self.filtered,
            repeated=tally.repeated + self.repeated,
            read_bytes=tally.read_bytes + self.read_bytes,
            connections=connections,
        )

    def batch(self, cursor: Cursor, gaps: tuple[Gap, ...] = (), state: State | None = None) -> Batch[T]:
        """Ends here: the cursor is behind all of it."""
        return Batch(self.items, self.rejects, cursor, self.notices, self.filtered, self.read_bytes, gaps, state)
