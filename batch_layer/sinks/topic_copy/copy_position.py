"""Position of a stage that copies into a topic: messages of the topic of cursors, in the transaction of the records.

    feed-copy/<feed>/<sink>/<partition>            position and counts
    feed-gap/<feed>/<sink>/<partition>/<start>     a gap

The offsets of the consumer group move in the same transaction, for tools that show lag, and so that the broker refuses
a member that has lost the partition. They are no position: a broker forgets the offsets of a group that has been away
for `offsets.retention.minutes` (7 days), and a stage would then copy everything again. A compacted topic keeps them.
"""

from collections.abc import Iterator, Mapping

import msgspec

from batch_layer.sinks.contract import Standing
from config.decoding import decoding
from config.settings import KafkaSettings
from ingest.cursors import last_values
from ingest.hours import Millis

COPY, GAP = "feed-copy/", "feed-gap/"
"""How keys begin; `COPY` also begins the transactional ids. `feed/` begins the names of sources."""
_REBUILD = "Rebuild the sink from its topic"


class CopyPosition(msgspec.Struct, frozen=True):
    """One partition. `kept + rejected + left_out` and the gaps cover all records below `next`."""

    next: int = 0
    kept: int = 0
    rejected: int = 0
    left_out: int = 0
    topic_id: str = ""
    """Kafka's id of the topic that the offsets belong to; empty if the broker had no ids."""
    committed_at: Millis | None = None
    attempt: str = ""
    """Id of the delivery that committed last: a writer finds out whether a commit without reply was its own."""


class CopyGap(msgspec.Struct, frozen=True):
    """Offsets of one partition that the stage has skipped."""

    start: int = 0
    end: int = 0
    why: str = ""


class CopyPositions:
    """The positions of one sink. `name` is `<feed>/<sink>`."""

    def __init__(self, settings: KafkaSettings, name: str) -> None:
        self._settings = settings
        self._name = name

    def message(self, partition: int, position: CopyPosition) -> tuple[str, bytes, bytes]:
        """Topic, value and key of a position."""
        return self._settings.cursors, msgspec.json.encode(position), f"{COPY}{self._name}/{partition}".encode()

    def gap_message(self, partition: int, gap: CopyGap) -> tuple[str, bytes, bytes]:
        """Topic, value and key of a gap."""
        key = f"{GAP}{self._name}/{partition}/{gap.start}"
        return self._settings.cursors, msgspec.json.encode(gap), key.encode()

    def read(self, *, uncommitted: bool = False) -> dict[int, CopyPosition]:
        """The position of each partition; `uncommitted` waits for transactions that are open."""
        values = last_values(self._settings, uncommitted=uncommitted)
        return {partition: position for partition, position in self._positions(values) if position.next}

    def standings(self) -> dict[int, Standing]:
        """The same with the gaps, as everybody sees it."""
        values = last_values(self._settings)
        gaps: dict[int, list[tuple[int, int, str]]] = {}
        for partition, gap in self._gaps(values):
            gaps.setdefault(partition, []).append((gap.start, gap.end, gap.why))
        return {
            partition: Standing(
                at.next, at.kept, at.rejected, at.left_out, tuple(sorted(gaps.get(partition, []))), at.committed_at
            )
            for partition, at in self._positions(values)
            if at.next
        }

    def tombstones(self) -> list[dict[str, object]]:
        """Messages that delete everything, as arguments of `Producer.produce`."""
        keys = [key for key in last_values(self._settings) if self._partition(key) is not None]
        return [{"topic": self._settings.cursors, "key": key.encode(), "value": None} for key in keys]

    def _positions(self, values: Mapping[str, bytes]) -> Iterator[tuple[int, CopyPosition]]:
        for key, value in values.items():
            partition = self._partition(key)
            if partition is not None and key.startswith(COPY):
                with decoding("position", f"topic {self._settings.cursors}, key {key}", _REBUILD):
                    yield partition, msgspec.json.decode(value, type=CopyPosition)

    def _gaps(self, values: Mapping[str, bytes]) -> Iterator[tuple[int, CopyGap]]:
        for key, value in values.items():
            partition = self._partition(key)
            if partition is not None and key.startswith(GAP):
                with decoding("gap", f"topic {self._settings.cursors}, key {key}", _REBUILD):
                    gap = msgspec.json.decode(value, type=CopyGap)
                if gap.end > gap.start:  # a tombstone reads as a gap of nothing
                    yield partition, gap

    def _partition(self, key: str) -> int | None:
        """The partition in a key of this sink."""
        for prefix in (f"{COPY}{self._name}/", f"{GAP}{self._name}/"):
            number = key.removeprefix(prefix).partition("/")[0]
            if key.startswith(prefix) and number.isdecimal():
                return int(number)
        return None
