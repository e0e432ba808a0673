"""Sink: where a stage keeps records, each once. `ArchiveSink` is one.

One atomic act of a sink changes its data and its position together, and only if the position is the chunk's start.
"""

from typing import NamedTuple, Protocol, TypeVar

from batch_layer.delivery.chunk import Chunk, Label, Reader, Row
from config.errors import DamagedError
from ingest.hours import Millis

LabelIn = TypeVar("LabelIn")
RowIn = TypeVar("RowIn")


class Progress(NamedTuple):
    """How far a sink has a partition that another member of the group owns."""

    position: int
    """The next offset after those that it has."""
    damage: DamagedError | None
    """Why nobody can add to it; None where it is sound."""


class Delivery(Protocol):
    """One chunk on its way."""

    def run(self) -> None:
        """Return once the sink has the chunk.

        After `UnavailableError` call it again, though the effect may have happened. Raises `FencedError` where another
        writer has moved the position: then the sink keeps nothing of the chunk.
        """


class Writer(Protocol[LabelIn, RowIn]):
    """One partition of a sink, for as long as this process owns it."""

    @property
    def position(self) -> int:
        """Where the next chunk must begin."""

    def check_end(self, end: int) -> None:
        """Raise `OtherTopicError` where the intake ends at an offset below `position`: its messages are others."""

    def skip(self, end: int, why: str) -> bool:
        """Commit a gap from `position` up to `end`, with its reason. False: another has moved the position."""

    def delivery(self, chunk: Chunk[LabelIn, RowIn]) -> Delivery:
        """A chunk that begins at `position` or, behind chunks that are on their way, will."""

    def tidy(self) -> None:
        """Clean up behind `position`: before the first message of the partition, and behind each chunk."""


class Sink(Protocol[Label, Row]):
    """Where a stage keeps records.

    Promises: a sink keeps a chunk whole or not at all. Of several chunks with the same start it keeps exactly one, from
    any sender and at any time.
    """

    reader: Reader[Label, Row]

    def prepare(self) -> None:
        """Make the place that the sink writes to. Raises `UnavailableError`."""

    def admit(self) -> None:
        """Raise `OtherTopicError` where the sink has records of another topic. Call it once, before any `open`."""

    def open(self, partition: int) -> Writer[Label, Row]:
        """The writer of a partition, after completing the commits that a former writer left incomplete.

        Raises `DamagedError` where nobody may add to the partition.
        """

    def progress(self, partition: int, since: Millis) -> Progress:
        """How far a partition is that another member owns; counts the commits from `since` on.

        Readers see everything before that position, even if the other member died on the way.
        """

    def close(self) -> None:
        """Let go of threads and connections."""
