"""Record: one thing that a feed's source gives, and later a message of the feed's topic."""

from typing import Any, NamedTuple

from ingest.hours import Millis


class Record(NamedTuple):
    """A record on its way into the topic."""

    name: str
    """By which the source recognises it when it comes again."""
    at: Millis
    """Event time; where the record has none, when we read it."""
    value: Any
    """JSON: objects, lists, texts, numbers, booleans, null. Encoded by `encode`."""
    digest: bytes = b""
    """Of the value, where the source sends only what has changed."""
