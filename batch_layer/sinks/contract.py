"""The contract of a feed's sink: how a stage writes it (`Sink`), and how anybody looks at it (`Place`).

A new kind of sink is a module or folder here and an entry in `registry.py`; the tests in `tests/contract/` hold it.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from threading import Event
from typing import Any, NamedTuple, Protocol, runtime_checkable

from batch_layer.delivery.chunk import Bounds, Reader
from batch_layer.delivery.intake import Intake
from batch_layer.delivery.sink import Sink
from batch_layer.delivery.start_line import Start
from config.errors import TrendsError
from config.settings import Settings
from ingest.feeds.declaration.model import Column, NamedFeed
from ingest.feeds.rows.row_reader import Row
from ingest.hours import Millis
from ingest.wire import Reject

REBUILD = "`trends feed rebuild` empties the sink and fills it from the topic of now"
"""The remedy for a sink of another topic with the same name."""


@dataclass(frozen=True)
class Stage:
    """Everything that a sink is made from: one sink of one feed, and its outlets."""

    settings: Settings
    feed: NamedFeed
    sink: str
    """Name of the sink."""
    topic: str
    """The feed's topic: offsets in the sink are offsets of it."""
    reader: Reader[str, Row]
    """Turns a message into a row; its label is the row's folder, empty where the sink has no folders."""
    send_rejects: Callable[[Sequence[Reject]], None]
    """Returns after their delivery, or raises `UnavailableError`. A sink calls it before it commits the chunk."""
    now: Callable[[], Millis]
    after_step: Callable[[str], None] = lambda _: None
    """Gets the name of each step of a delivery when it ends: tests kill the process there."""
    intake: Intake | None = None
    """What a running stage reads, for a sink that commits the offsets of its group. A place has none."""

    @property
    def columns(self) -> dict[str, Column]:
        """Columns of the sink, in order: cells of a `Row` have the same order."""
        return self.feed.declaration.columns_of(self.sink)


class Standing(NamedTuple):
    """One partition of a sink. `kept + rejected + left_out + lost` are the accepted records below `position`."""

    position: int
    """The next offset after those that the sink has dealt with."""
    kept: int
    rejected: int
    left_out: int
    """Records that `where` did not take."""
    gaps: tuple[tuple[int, int, str], ...]
    """Start, end and reason of each span of offsets that the sink skipped: nobody could read them, or wanted to."""
    committed_at: Millis | None


class Place(Protocol):
    """What a sink holds. It only looks, but for `clear`; it needs no stage to run. Methods raise `UnavailableError`."""

    def standings(self) -> dict[int, Standing]:
        """Each partition, from the sink's own data alone. Empty where nobody has written it yet."""

    def offsets(self, partition: int) -> Iterator[int]:
        """The offset of each row, read from the rows themselves, ascending: `verify` recounts by it.

        Raises `NoDataError` where rows do not hold their offset.
        """

    def rows(self, most: int) -> list[dict[str, Any]]:
        """Some of the latest rows, by column, for `show`."""

    def clear(self) -> None:
        """Delete rows and positions, for `rebuild`. No stage may run meanwhile."""

    def intake(self, reader: Stage) -> Intake:
        """What another stage, `reader`, reads: the rows as messages, whose value is the column of `$value`.

        Raises `UsageError` for a kind of sink that another stage can't read.
        """


@runtime_checkable
class ListedPlace(Protocol):
    """A place whose readers list folders."""

    def foreign(self) -> list[str]:
        """Files there that the sink has not written, and leaves alone."""


@runtime_checkable
class RegisteredPlace(Protocol):
    """A place that another server must learn of."""

    def unregistered(self) -> list[str]:
        """What the sink has and that server does not know yet. Raises `UnavailableError`."""


class Loop(Protocol):
    """What fills a sink."""

    def run(self, until_drained: bool, stop: Event, report: Callable[[TrendsError | None], None]) -> None:
        """See `DeliveryRunner.run`."""


@dataclass(frozen=True)
class SinkKind:
    """An entry of the registry. Importing it loads no client library: the functions do."""

    make_sink: Callable[[Stage], Sink[str, Any]]
    make_place: Callable[[Stage], Place]
    guarantee: str
    """`once: …`, or `at least once: …` with the reason: `check` prints it."""
    make_loop: Callable[[Stage, Bounds, Start], Loop | None] = lambda *_: None
    """The loop of a kind that reads its records by itself. None: `DeliveryRunner` fills the sink."""
