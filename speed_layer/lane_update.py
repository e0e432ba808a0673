"""LaneUpdate: moves one lane forward. It is the only thing that travels from spout to bolt.

A *lane* is one hour of one Kafka partition. Its `next` says: every message of this hour in this partition below that
offset is counted, once. An update says: the lane that stands at `since` goes to `next`, and these are the uses between.
If the topic carries phrases as well, each kind of them has hours of its own: `2017-01-06T07~bigram`. Only `fold`, which
reads messages, and `lane_commit`, which knows where rows lie, tell them from others.
"""

from collections.abc import Sequence
from typing import NamedTuple, get_args

import msgspec

from config.errors import BadRecordError
from ingest.rule.kinds import Kind, Phrase

FIELDS = ("hour", "partition", "start", "since", "next", "counts", "lineage")
"""Fields of a tuple. Its values are flat: Storm turns a nested value into a foreign object."""
MARKER = "marker"
"""Stream of the marker, a tuple that says: nothing more comes for now, so commit."""
NO_LANE = -1
"""`since` of a lane that does not exist yet."""

Counts = dict[str, tuple[int, str]]
"""For each tag of an hour: its uses, and its first spelling."""

PHRASES: dict[str, Phrase] = {kind: kind for kind in get_args(Phrase)}

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Counts)


class LaneUpdate(NamedTuple):
    """The uses of one hour in the messages `[max(since, start), next)` of a partition."""

    hour: str
    partition: int
    start: int
    """The chunk's begin: everything below is counted, in every lane."""
    since: int
    """The lane's next as the spout knows it, or `NO_LANE`."""
    next: int
    """The chunk's end, exclusive: what the lane's next becomes."""
    counts: Counts
    lineage: str = ""
    """The topic of these offsets: see `speed_layer.lanes`."""

    @property
    def lane(self) -> str:
        """`_id` of the lane."""
        return lane_id(self.partition, self.hour, self.lineage)

    def values(self) -> list[str | int]:
        """The values of its tuple."""
        return [*self[:5], _encoder.encode(self.counts).decode(), self.lineage]

    @classmethod
    def of(cls, values: Sequence[str | int]) -> "LaneUpdate":
        """The inverse of `values`."""
        hour, partition, start, since, next_offset, counts, lineage = values
        decoded = _decoder.decode(str(counts).encode())
        return cls(str(hour), int(partition), int(start), int(since), int(next_offset), decoded, str(lineage))


def hour_of_kind(hour: str, kind: Kind) -> str:
    """The hour in the name of a lane: for hashtags, the hour itself. Raises `BadRecordError`."""
    if "~" in hour:
        raise BadRecordError(f"not an hour: {hour[:40]!r}")
    return hour if kind == "hashtag" else f"{hour}~{kind}"


def parse_hour_of_kind(text: str) -> tuple[str, Phrase | None]:
    """The inverse of `hour_of_kind`: the hour, and the kind if it is one of phrases."""
    hour, _, kind = text.partition("~")
    return hour, PHRASES[kind] if kind else None


def lane_id(partition: int, hour: str, lineage: str = "") -> str:
    """`_id` of a lane. A lineage holds letters, digits, `-` and `_` alone, so ids never collide."""
    return f"{lineage}|{partition}|{hour}" if lineage else f"{partition}|{hour}"


def tuple_id(partition: int, serial: int, hour: str) -> str:
    """Id of a tuple: a string, since Storm gives back other ids in another shape."""
    return f"{partition}:{serial}:{hour}"


def parse_tuple_id(text: str) -> tuple[int, int, str]:
    """The inverse of `tuple_id`: partition, serial, hour."""
    partition, serial, hour = text.split(":")
    return int(partition), int(serial), hour
