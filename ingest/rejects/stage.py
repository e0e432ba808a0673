"""Stage contract: how a stage reads its rejects again, for `trends rejects retry`.

A stage registers a function under its name, the `stage` of its rejects. So a retry knows no stage by itself.
"""

from collections.abc import Callable
from typing import NamedTuple

from ingest.wire import Reject


class Rewrite(NamedTuple):
    """The result of reading one reject again."""

    messages: list[tuple[str, bytes, bytes | None]]
    """Topic, value and key of each message to write."""
    posts: int
    """Posts, or records of a feed, among the messages; the others are uses."""
    failures: tuple[Reject, ...] = ()
    """Parts of the reject that the stage refuses again."""


ReadAgain = Callable[[Reject], Rewrite]
"""Reads a reject of the stage again. Raises `BadRecordError`, or another `TrendsError`, if it refuses it again."""
