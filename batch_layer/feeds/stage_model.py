"""The status of one stage of a feed, as commands, metrics and the dashboard show it."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class StageStatus:
    """One stage. Numbers are None where its server does not answer; `error` says why."""

    stage: str
    type: str
    state: str
    since: str | None
    """ISO 8601: when the stage came to its state."""
    why: str
    """Why it waits or has failed."""
    behind: int | None = None
    """Committed records that it reads and lacks: an upper bound, and 0 is exact."""
    kept: int | None = None
    rejected: int | None = None
    left_out: int | None = None
    lost: int | None = None
    """Offsets in gaps."""
    positions: dict[int, int] = field(default_factory=dict)
    committed_at: str | None = None
    """ISO 8601: the last commit."""
    unregistered: int | None = 0
    """Folders of committed files that another server, such as Hive, does not know yet; None: it does not answer."""
    error: str = ""
