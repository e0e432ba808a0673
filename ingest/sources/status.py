"""Reports of a live source: its state, and the gaps that it could not fill."""

import msgspec

from ingest.hours import Hour, Millis

CONNECTED, RECONNECTING, STOPPED, FAILED = "connected", "reconnecting", "stopped", "failed"
REPORT_EVERY_S = 10.0
"""A running source reports its state at least this often, seconds."""


class Tally(msgspec.Struct, frozen=True):
    """Numbers of records of a live source since its start."""

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
    """State of a live source."""

    state: str
    since: Millis
    """When it came to be so."""
    at: Millis
    """Time of this report."""
    where: str = ""
    """The server that it reads, or tries to read."""
    why: str = ""
    """Reason for not having a connection, or a fault of one that is there."""
    newest: Millis | None = None
    """Time up to which it has read the service."""
    last_post_at: Millis | None = None
    """When it gave a post last, wanted or not."""
    tally: Tally = Tally()


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """A span of time that a source delivered incompletely, for good.

    A stream that does not replay measures it by our clock, another one by the service's own time.
    """

    since: Millis
    until: Millis
    why: str

    def touches(self, hour: Hour) -> bool:
        """Whether posts of an hour may be missing."""
        return self.since < hour.end_ms and self.until >= hour.start_ms
