"""Settings of the speed layer."""

from pydantic import Field

from config.settings.section import Section


class SpeedSettings(Section):
    """The speed layer."""

    chunk_messages: int = Field(default=10_000, ge=1)
    """Most messages in a chunk of a live stream."""
    backlog_messages: int = Field(default=50_000, ge=1)
    """Most messages in a chunk of a backlog."""
    chunk_ms: int = Field(default=100, ge=1)
    """Longest time that a chunk gathers messages, milliseconds."""
    keep_days: float = Field(default=7.0, gt=0)
    """Days, by the clock of the last write, after which the speed layer removes a row that nobody needs."""
