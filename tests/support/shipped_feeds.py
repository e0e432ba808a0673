"""Shipped feeds with places that no other test has, written by Python, and otherwise as they are."""

import threading
import uuid
from pathlib import Path
from typing import Any

from batch_layer.feeds.running import RunOptions, run_feed
from config.settings import Settings
from ingest.feeds.declaration.catalog import SHIPPED
from ingest.feeds.declaration.load import FeedFile
from ingest.feeds.declaration.model import NamedFeed


def shipped(settings: Settings, name: str, folder: Path, **variables: str) -> NamedFeed:
    """A shipped feed: topics with a mark, files in a folder, roots below that of the test."""
    feed, mark = FeedFile(SHIPPED / f"{name}.toml").feed(variables, {}), uuid.uuid4().hex[:8]
    sinks = {}
    for sink, table in feed.declaration.sinks.items():
        changed: dict[str, Any] = {
            "csv": {"file": str(folder / getattr(table, "file", ""))},
            "topic": {"topic": f"{getattr(table, 'topic', '')}-{mark}"},
            "hdfs": {"root": f"{settings.hdfs.root}/{sink}", "engine": "python"},
        }.get(table.type, {})
        sinks[sink] = table.model_copy(update=changed)
    assert feed.declaration.topic is not None
    topic = feed.declaration.topic.model_copy(update={"name": f"{feed.declaration.topic.name}-{mark}"})
    return changed_feed(feed, sinks=sinks, topic=topic)


def changed_feed(feed: NamedFeed, **changed: Any) -> NamedFeed:
    return feed._replace(declaration=feed.declaration.model_copy(update=changed))


def run_to_the_end(settings: Settings, feed: NamedFeed, polls: int | None = None) -> None:
    run_feed(settings, feed, RunOptions(until_drained=True, polls=polls), threading.Event())


def topic_of(feed: NamedFeed) -> str:
    assert feed.declaration.topic is not None
    return feed.declaration.topic.name
