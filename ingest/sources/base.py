"""The contract of a source: where posts come from. A new one is one file here and one line in the registry."""

from collections.abc import Iterator
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from ingest.hours import Millis
from ingest.sources.status import Gap, State
from ingest.wire import Reject

Cursor = dict[str, Any]
"""A source's own position: JSON, opaque to everyone else. `{}` is the beginning."""


class Item(Protocol):
    """One record of a source: a post, for example."""

    @property
    def name(self) -> str:
        """The same for an item that a service sends again, and for no other."""
        ...

    @property
    def at(self) -> Millis:
        """Event time."""
        ...


T = TypeVar("T", bound=Item)
T_contra = TypeVar("T_contra", contravariant=True)


class ItemFilter(Protocol[T_contra]):
    """A choice among the items of a source."""

    @property
    def limit(self) -> int | None:
        """Most items to accept, counted since the first start of the source."""
        ...

    @property
    def everything(self) -> bool:
        """Whether it accepts every item."""
        ...

    def accepts(self, item: T_contra, /) -> bool:
        """Whether the source delivers an item."""
        ...


class Batch(NamedTuple, Generic[T]):
    """Items that a source read in one go, in order, and the cursor behind all of them."""

    items: list[T]
    rejects: list[Reject]
    cursor: Cursor
    notices: int = 0
    """Records that hold no item by design: deletes, limits, keep-alives with a body."""
    filtered: int = 0
    """Items outside the filter."""
    read_bytes: int = 0
    """Bytes read from the source, as stored there, since the batch before."""
    gaps: tuple[Gap, ...] = ()
    """Spans that a live source found to be incomplete since the batch before."""
    state: State | None = None
    """State of a live source, when it reports one."""


class Source(Protocol[T]):
    """Where items come from: posts, for example.

    Promises of every source, held by `tests/contract/test_sources.py`:

    - Order is deterministic: the same source yields the same records in the same order every time.
    - It resumes: `batches(batch.cursor)` yields exactly the records after that batch, for every batch it ever yielded.
    - A bad record becomes a `Reject` with where and why. It never raises for one, and never hides its neighbours.

    Of live sources (`ingest/sources/live/source.py`) beyond that:

    - A batch ends early, so that no post waits longer than `ingest.transaction_ms`.
    - It resumes as far back as the service keeps records, and reports the rest as a gap, with the batch.
    - It yields an item once, however often the service sends it.

    Not promised: that a post comes once from a file. A source that cannot start (no such file, wrong options, a bad
    token) raises `TrendsError`.
    """

    @property
    def name(self) -> str:
        """Key of its cursor and `transactional.id` of its producer: equal for equal questions, and for those alone."""
        ...

    def batches(self, cursor: Cursor, most: int) -> Iterator[Batch[T]]:
        """The items after a cursor, in batches of at most `most` items. Ends where the source ends."""
        ...
