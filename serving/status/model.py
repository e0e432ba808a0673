"""The status of the platform, part by part. A part is `Unknown` while its server is down.

The fields of each class, in their order, are the keys of `trends status --json`.
"""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from batch_layer.feeds.stage_model import StageStatus
from serving.answers.explanation import Unknown

if TYPE_CHECKING:  # psutil and the launcher are loaded when the servers are looked at
    from config.stack.status import ServerState


@dataclass(frozen=True)
class GapStatus:
    """A span of time of which a live source lost posts."""

    since: str
    until: str
    why: str


@dataclass(frozen=True)
class SourceStatus:
    """One live source."""

    name: str
    state: str
    """`silent` if it reported nothing for so long that its process must have died."""
    since: str
    told_at: str
    """When it reported last."""
    where: str
    """The server that it reads."""
    why: str
    """The reason for a lost connection."""
    last_post_at: str | None
    behind_s: int | None
    read: dict[str, int]
    """Its counters: see `ingest.sources.status.Tally`."""
    gaps: list[GapStatus]


@dataclass(frozen=True)
class SpeedPartition:
    """One partition of `hashtags`."""

    partition: int
    next: int
    behind: int
    writers: list[str]


@dataclass(frozen=True)
class SpeedStatus:
    """The speed layer: its lag, and the spouts that write."""

    topic: str
    behind: int
    writers: dict[str, int]
    """Spouts, and how many partitions each writes."""
    shared_partitions: int
    unwritten_partitions: list[int]
    partitions: list[SpeedPartition]


@dataclass(frozen=True)
class ArchivePartition:
    """One partition of `posts`."""

    partition: int
    next: int
    behind: int
    damage: str | None


@dataclass(frozen=True)
class ArchiveStatus:
    """The archive: its lag, what is in it, and up to which hour it is complete."""

    topic: str
    group: str
    behind: int
    posts: int
    hours: int
    files: int
    rejected: int
    lost: int
    complete_until: str
    archive: str
    topic_id: str
    waiting: int | None
    """Hours for the next run of the batch layer; None while MongoDB is down."""
    damage: list[str]
    partitions: list[ArchivePartition]


@dataclass(frozen=True)
class HoursStatus:
    """Hours with an answer, by state."""

    live: int
    provisional: int
    final: int
    newest: str
    rules: dict[str, int]
    """Hours by version of the rule."""


@dataclass(frozen=True)
class RunStatus:
    """One run of the batch layer. The first field is its id, as MongoDB and the JSON call it."""

    _id: str
    kind: str
    since: str | None
    until: str | None
    rule: str
    hours_planned: int
    hours_done: int
    posts: int
    state: str
    """`dead` if its lease ran out."""
    started_at: str
    ended_at: str | None
    error: str | None
    seconds: float | None


@dataclass(frozen=True)
class RejectsStatus:
    """Rejects that nobody has settled."""

    topic: str
    outstanding: int
    exact: bool
    """Whether `outstanding` is exact, or an upper bound."""
    oldest: str | None


@dataclass(frozen=True)
class TopsStatus:
    """The topic of finished hours."""

    topic: str
    """Empty where the settings want none."""
    pending: int
    """Hours that the next run of the batch layer sends."""
    oldest: str | None
    """The first of them."""


@dataclass(frozen=True)
class AlertsStatus:
    """Webhooks for rising tags."""

    rules: int
    pending: int
    """Messages that wait for an attempt."""
    given_up: int
    """Messages of the last day that no attempt delivered."""
    disabled: list[str]
    """Rules whose receiver has answered that it is gone."""


@dataclass(frozen=True)
class FeedStatus:
    """One feed that has run here."""

    name: str
    stages: list[StageStatus]
    error: str
    """Why nobody can look: its file is wrong, or lacks a variable."""


@dataclass(frozen=True)
class Status:
    """All parts."""

    servers: "list[ServerState] | Unknown"
    sources: list[SourceStatus] | Unknown
    speed: SpeedStatus | Unknown
    archive: ArchiveStatus | Unknown
    hours: HoursStatus | Unknown
    runs: list[RunStatus] | Unknown
    rejects: RejectsStatus | Unknown
    feeds: list[FeedStatus] | Unknown
    tops: TopsStatus | Unknown
    alerts: AlertsStatus | Unknown

    def parts(self) -> dict[str, Any]:
        """Each part under its name."""
        return dict(vars(self))

    def to_json(self) -> dict[str, Any]:
        """The JSON of `trends status --json`."""
        return asdict(self)
