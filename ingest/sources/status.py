"""What a live source tells of itself: how it stands, and what it could not bring back."""

import msgspec

from ingest.hours import Hour, Millis

CONNECTED, RECONNECTING, STOPPED, FAILED = "connected", "reconnecting", "stopped", "failed"
REPORT_EVERY_S = 10.0
"""A source that runs tells its state at least so often, seconds."""


class Tally(msgspec.Struct, frozen=True):
    """What a live source has read since it was started, in numbers."""

    posts: int = 0
    rejects: int = 0
    notices: int = 0
    filtered: int = 0
    repeated: int = 0
    """Posts that it had given before."""
    read_bytes: int = 0
    connections: int = 0
    """Connections that came to be."""


class State(msgspec.Struct, frozen=True, kw_only=True):
    """How a live source stands."""

    state: str
    since: Millis
    """When it came to be so."""
    at: Millis
    """When this was told."""
    where: str = ""
    """The server that it reads, or tries to read."""
    why: str = ""
    """Why it is not connected."""
    newest: Millis | None = None
    """Up to which moment it is read: how far it is behind."""
    last_post_at: Millis | None = None
    """When it gave a post last, wanted or not."""
    tally: Tally = Tally()


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """A span of time of which a source could not give everything, and can't any more.

    By the clock of who received, for a stream that repeats nothing; by the source's own time for one that does.
    """

    since: Millis
    until: Millis
    why: str

    def touches(self, hour: Hour) -> bool:
        """Whether posts of an hour may be missing."""
        return self.since < hour.end_ms and self.until >= hour.start_ms
