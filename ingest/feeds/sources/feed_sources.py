"""The registry of a feed's sources. It names functions as text, so importing it loads none of them."""

import threading
from collections.abc import Callable

from config.errors import UsageError
from config.settings import Settings
from ingest.feeds.declaration.model import NamedFeed
from ingest.feeds.record import Record
from ingest.feeds.sources.source_request import SourceRequest, logger
from ingest.hours import Millis, wall_clock
from ingest.sources.base import Source
from ingest.sources.live.entry import load

SOURCES = {
    "http": "ingest.feeds.sources.poll_records:make",
    "file": "ingest.feeds.sources.files.file_records:make",
    "posts": "ingest.feeds.sources.post_records:make",
}
"""By the `type` of a `[source]`: a function that makes the source of a `SourceRequest`."""


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
