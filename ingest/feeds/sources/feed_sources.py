"""The registry of a feed's sources. It names functions as text, so importing it loads none of them."""

import threading
from collections.abc import Callable, Mapping
from typing import Any

from config.errors import UsageError
from config.settings import Settings
from ingest.feeds.declaration.model import NamedFeed
from ingest.feeds.record import Record
from ingest.feeds.sources.source_request import SourceRequest, logger
from ingest.hours import Millis, wall_clock
from ingest.sources.base import Source
from ingest.sources.formats.contract import RecordReader
from ingest.sources.live.entry import load

SOURCES = {
    "http": "ingest.feeds.sources.poll_records:make",
    "file": "ingest.feeds.sources.files.file_records:make",
    "posts": "ingest.feeds.sources.post_records:make",
}
"""By the `type` of a `[source]`: a function that makes the source of a `SourceRequest`."""
READERS = {
    "http": "ingest.feeds.sources.poll_records:reader_of",
    "file": "ingest.feeds.sources.files.file_records:reader_of",
    "posts": "ingest.feeds.sources.post_records:reader_of",
}
"""By the same: a function that makes the reader of a reject, of a `SourceRequest`, the reader's spec and its place."""


def make_source(  # noqa: PLR0913 - a run, and what a test sets
    settings: Settings,
    feed: NamedFeed,
    stop: threading.Event,
    now: Callable[[], Millis] = wall_clock,
    *,
    say: Callable[[str], None] = logger.info,
    most_polls: int | None = None,
) -> Source[Record]:
    """The source that a feed declares.

    Raises `UsageError` for a feed without a source, and for a source that can't start.
    """
    table = feed.declaration.source
    if table is None:
        raise UsageError("it has no source: others fill its topic", where=f"feed {feed.name}")
    source: Source[Record] = load(SOURCES[table.type])(SourceRequest(settings, table, stop, now, say, most_polls))
    return source


def make_reader(
    settings: Settings, feed: NamedFeed, spec: Mapping[str, Any], where: str, now: Callable[[], Millis]
) -> RecordReader[Record]:
    """The reader of a reject of a feed's source, by the declaration of now. Raises `UsageError`."""
    table = feed.declaration.source
    if table is None:
        raise UsageError("it has no source now", where=f"feed {feed.name}")
    reader: RecordReader[Record] = load(READERS[table.type])(SourceRequest(settings, table, now=now), spec, where)
    return reader
