"""Intake: the source of a stage: partitions of messages in order of offset. `TopicIntake` is one."""

from collections.abc import Callable, Iterable, Mapping, Set
from typing import NamedTuple, Protocol

from config.errors import TrendsError
from ingest.kafka.message import Message
from ingest.kafka.offsets import OffsetRange


class AtEnd(NamedTuple):
    """A partition has no message behind those that came, for now."""

    partition: int


class Overtaken(NamedTuple):
    """A partition's next message is gone: retention has deleted it."""

    partition: int


class Trouble(NamedTuple):
    """The intake can't read a partition now, or not at all where the error is not retriable."""

    partition: int
    error: TrendsError


Event = Message | AtEnd | Overtaken | Trouble


class Intake(Protocol):
    """A member of the group that shares the partitions. One thread uses it.

    Promises: messages of a partition come in order of offset, each once between two `seek`s; a skipped offset never
    comes later. A crash at any moment is safe: the intake keeps no state that matters.
    """

    @property
    def owned(self) -> Set[int]:
        """The partitions that are ours now. Changes while `read` and `wait` run."""

    def join(self, lost: Callable[[int], None]) -> int:
        """Join the group; return the number of partitions. Calls `lost` with each one that another member gets.

        Raises `TrendsError` where the servers do not answer or there is nothing to read.
        """

    def close(self) -> None:
        """Leave the group, so that other members take over at once."""

    def read(self) -> list[Event]:
        """The next events; those of a new partition mean nothing before its `seek`."""

    def wait(self, seconds: float, take: Callable[[Event], None], stop: Callable[[], bool]) -> None:
        """Stay a member for a while without reading on; `take` gets events that come nevertheless."""

    def read_alone(self, partition: int | None) -> None:
        """From now on read one partition only, or all of them again."""

    def lag(self, partition: int, position: int) -> int:
        """How many offsets lie behind a position, as last seen: 0 before the intake has seen any."""

    def offsets(self, partition: int) -> OffsetRange:
        """The offsets that are readable now. Raises `UnavailableError`."""

    def seek(self, partition: int, position: int) -> None:
        """Read a partition from an offset on. Messages fetched before do not come again."""

    def ends(self, partitions: Iterable[int]) -> dict[int, int]:
        """The offset behind the last committed message of each partition. Raises `UnavailableError`."""

    def acknowledge(self, partition: int, position: int) -> None:
        """Show people how far the sink has a partition. It need not succeed, and no stage starts from it."""

    def drained(self, positions: Mapping[int, int], until: Mapping[int, int]) -> set[int]:
        """The partitions that have no committed message from a position on below an end."""
