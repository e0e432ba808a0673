"""Explanation: where an hour's answer came from, and how the two layers differed. Pure.

`serving.status.provenance` fills it. A part whose server is down is `Unknown`. The fields of each class, in their
order, are the keys of `trends explain --json`.
"""

from dataclasses import asdict, dataclass
from typing import Any

from serving.views.documents import FIRST, HourDocument, SpeedCounts


@dataclass(frozen=True)
class Unknown:
    """An unreadable part, and the reason."""

    error: str


@dataclass(frozen=True)
class AnswerSource:
    """The layer that answers an hour; `origin` is None if neither does."""

    origin: str | None
    state: str
    uses: int
    tags: int
    posts: int | None


@dataclass(frozen=True)
class BatchAnswer(AnswerSource):
    """An answer of the batch layer, and the run that computed it."""

    rule: str
    run: str
    computed_at: str
    kept: int
    """Rows of the document."""


@dataclass(frozen=True)
class RunOfHour:
    """The ledger's entry of a run."""

    kind: str
    rule: str
    attempt: int
    state: str
    started_at: str


@dataclass(frozen=True)
class RuleCorrections:
    """The corrections of a version of the rule."""

    ignore: list[str]
    aliases: dict[str, str]


@dataclass(frozen=True)
class HourFile:
    """A file of the archive with posts of the hour."""

    path: str
    posts: int
    bytes: int


@dataclass(frozen=True)
class HourChunk:
    """A chunk of Kafka's messages with posts of the hour."""

    partition: int
    start: int
    next: int
    posts: int
    rejected: int
    read: bool
    """Whether the run read it."""


@dataclass(frozen=True)
class ArchivedHour:
    """The archive's posts of an hour. `read`, `late` and `sent_again` are None without a run."""

    complete: bool
    complete_until: str
    posts: int
    read: int | None
    late: int | None
    sent_again: int | None
    rejected: int
    files: list[HourFile]
    chunks: list[HourChunk]


@dataclass(frozen=True)
class PartitionLag:
    """One partition of `hashtags`."""

    partition: int
    next: int
    behind: int


@dataclass(frozen=True)
class SpeedLag:
    """How far the speed layer is behind."""

    behind: int
    partitions: list[PartitionLag]


@dataclass(frozen=True)
class SourceGap:
    """A span of time of which a live source lost posts."""

    source: str
    since: str
    until: str
    why: str


@dataclass(frozen=True)
class CountChange:
    """A tag with another count in the batch layer; `batch` is None if the document keeps only its first tags."""

    tag: str
    speed: int
    batch: int | None


@dataclass(frozen=True)
class LayerDifference:
    """The speed layer's view of an hour beside its document."""

    uses: int
    tags: int
    entered: list[str]
    left: list[str]
    counts: list[CountChange]
    """Of the speed layer's first ten, those with another count."""


@dataclass(frozen=True)
class Explanation:
    """Everything about an hour's answer."""

    hour: str
    answer: AnswerSource
    run: RunOfHour | None
    rule_text: RuleCorrections | None
    rule_now: str
    archive: ArchivedHour | Unknown
    speed: SpeedLag | Unknown
    gaps: list[SourceGap] | Unknown
    difference: LayerDifference | None

    def to_json(self) -> dict[str, Any]:
        """The JSON of `trends explain --json`."""
        return asdict(self)


def layer_difference(seen: SpeedCounts | None, document: HourDocument) -> LayerDifference | None:
    """Compare the speed layer's view of an hour with the document; None without such a view."""
    if seen is None:
        return None
    batch = {row["tag"]: row["count"] for row in document["top"]}
    beyond = 0 if len(batch) == document["tags"] else None
    speed = {row["tag"]: row["count"] for row in seen["top"]}
    first = [row["tag"] for row in document["top"][:FIRST]]
    return LayerDifference(
        uses=seen["uses"],
        tags=seen["tags"],
        entered=[tag for tag in first if tag not in speed],
        left=[tag for tag in speed if tag not in first],
        counts=[
            CountChange(tag, count, batch.get(tag, beyond))
            for tag, count in speed.items()
            if batch.get(tag, beyond) != count
        ],
    )
