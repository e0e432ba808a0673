"""Message: one committed message of a topic, as stages read it."""

from typing import NamedTuple

from ingest.hours import Millis


class Message(NamedTuple):
    """A committed message."""

    partition: int
    offset: int
    value: bytes | None
    key: bytes | None = None
    sent_at: Millis = 0
    """When the broker took it, by the broker's clock."""
