"""The position file of a CSV: what of it counts, and how far each partition of the topic is in it.

It is JSON: `{"topic": …, "topic_id": …, "columns": […], "length": 1234, "partitions": {"0": {"next": 17, …}}}`.
"""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from batch_layer.sinks.contract import Standing
from config.decoding import decoding
from config.errors import TrendsError
from ingest.hours import Millis

SUFFIX = ".position"
_RESTORE = "Restore it, or rebuild the sink from its topic"


class PartitionPosition(msgspec.Struct, frozen=True):
    """One partition. `kept + rejected + left_out` and the gaps cover all records below `next`."""

    next: int = 0
    kept: int = 0
    rejected: int = 0
    left_out: int = 0
    gaps: tuple[tuple[int, int, str], ...] = ()
    committed_at: Millis | None = None
    attempt: str = ""
    """Id of the delivery that committed last: a writer finds out whether a commit without reply was its own."""

    def skip(self, end: int, why: str) -> "PartitionPosition":
        """With a gap from `next` up to an offset; a gap of the same reason that ends there grows."""
        start, gaps = self.next, self.gaps
        if gaps and gaps[-1][1:] == (start, why):
            start, gaps = gaps[-1][0], gaps[:-1]
        return msgspec.structs.replace(self, next=end, gaps=(*gaps, (start, end, why)))

    @property
    def standing(self) -> Standing:
        """The same, as everybody sees it."""
        return Standing(self.next, self.kept, self.rejected, self.left_out, self.gaps, self.committed_at)


class PositionFile(msgspec.Struct, frozen=True, kw_only=True):
    """The whole file."""

    topic: str
    topic_id: str = ""
    """Kafka's id of the topic that the offsets belong to; empty if the broker had no ids, or the CSV is empty."""
    columns: tuple[str, ...]
    length: int = 0
    """Bytes of the CSV that count."""
    partitions: dict[int, PartitionPosition] = {}

    @property
    def empty(self) -> bool:
        """Whether nobody has committed anything."""
        return not self.partitions and not self.length

    def of(self, partition: int) -> PartitionPosition:
        """The position of a partition."""
        return self.partitions.get(partition, PartitionPosition())

    def with_partition(self, partition: int, position: PartitionPosition, length: int) -> "PositionFile":
        """The file after a commit."""
        return msgspec.structs.replace(self, length=length, partitions={**self.partitions, partition: position})

    def check(self, path: Path, topic: str, columns: Sequence[str]) -> None:
        """Raise `TrendsError` where the CSV is of another topic or has other columns. An empty one fits all."""
        if self.empty:
            return
        if self.topic != topic:
            what, step = f"it has records of topic {self.topic}, and not of {topic}", "Name another file in the feed"
            raise TrendsError(what, where=str(path), next_step=step)
        if self.columns != tuple(columns):
            what = f"its columns are {', '.join(self.columns)}; the feed has {', '.join(columns)}"
            step = "Correct the feed, name another file, or rebuild the sink from its topic"
            raise TrendsError(what, where=str(path), next_step=step)


def position_path(csv: Path) -> Path:
    """Where the position of a CSV is."""
    return csv.with_name(csv.name + SUFFIX)


def decode(content: bytes, path: Path) -> PositionFile:
    """A position file from its bytes. Raises `DamagedError`."""
    with decoding("position file", str(path), _RESTORE):
        return msgspec.json.decode(content, type=PositionFile)


def encode(position: PositionFile) -> bytes:
    """The bytes of a position file."""
    return msgspec.json.format(msgspec.json.encode(position), indent=1) + b"\n"
