"""Parts of a feed, which one process runs or several: the source, and a stage for each sink."""

from collections.abc import Sequence

from config.errors import UsageError
from ingest.feeds.declaration.model import Feed, NamedFeed

SOURCE = "source"


def parts_of(feed: NamedFeed) -> list[str]:
    """All parts, in the order of the data: the source where there is one, then each sink behind the one it reads."""
    declaration = feed.declaration
    sinks = sorted(declaration.sinks, key=lambda sink: depth(declaration, sink))
    return [*([SOURCE] if declaration.source is not None else []), *sinks]


def choose(feed: NamedFeed, only: Sequence[str]) -> list[str]:
    """The parts of `--only`, or all. Raises `UsageError` for a part that the feed does not have."""
    parts = parts_of(feed)
    if unknown := [part for part in only if part not in parts]:
        raise UsageError(f"no part {unknown[0][:70]!r}; there are {', '.join(parts)}", where=f"feed {feed.name}")
    return [part for part in parts if not only or part in only]


def depth(feed: Feed, sink: str) -> int:
    """How many sinks lie between Kafka and this one."""
    origin = feed.sinks[sink].from_
    return 0 if origin not in feed.sinks else 1 + depth(feed, origin)
