"""The demo of a feed: the same declaration with generated input, and with places of its own.

Topics, tables, folders and files of a demo begin with `demo`, so it never writes where the feed itself does.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from config.errors import UsageError
from ingest.feeds.declaration.model import (
    CsvSink,
    FileRecords,
    HdfsSink,
    HiveSink,
    HttpSource,
    NamedFeed,
    PostgresSink,
    PostRecords,
    SinkTable,
    TopicSink,
)
from ingest.feeds.demo.demo_api import demo_api, redirect_feed
from ingest.feeds.demo.fitness_rows import fitness_csv
from ingest.hours import Millis

EVERY_S = 0.5
"""Between two polls of a demo."""
POLLS = 12
_ROWS = 500
_WORDS = "A topic of Kafka has partitions with offsets. Spark reads in a batch what a stream has written.\n" * 40


@contextmanager
def demo_feed(feed: NamedFeed, folder: Path, seed: int, now: Callable[[], Millis]) -> Iterator[NamedFeed]:
    """The demo of a shipped feed, whose input is there while it runs. Raises `UsageError` for a feed without one."""
    aside = _aside(feed, folder)
    source = feed.declaration.source
    if isinstance(source, HttpSource):
        with demo_api(feed.name, seed, _fast(now, source.every)) as url:
            yield redirect_feed(aside, url, EVERY_S)
    elif isinstance(source, FileRecords):
        path = folder / f"{feed.name}.{'csv' if source.format == 'csv' else 'txt'}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(fitness_csv(seed, _ROWS) if source.format == "csv" else _WORDS, encoding="utf-8")
        yield _with(aside, source=source.model_copy(update={"path": str(path)}))
    elif isinstance(source, PostRecords):
        yield _with(aside, source=source.model_copy(update={"from_": "sample"}))
    else:
        raise UsageError("it has no source to generate", where=f"feed {feed.name}")


def _fast(now: Callable[[], Millis], every_s: float) -> Callable[[], Millis]:
    """A clock by which a slot of the feed itself passes between two polls of the demo, and that ends about now."""
    began = now()
    speed = every_s / EVERY_S
    return lambda: began - round(POLLS * 2 * every_s * 1000) + round((now() - began) * speed)


def _aside(feed: NamedFeed, folder: Path) -> NamedFeed:
    """The feed with other names for every place that it writes to."""
    declared = feed.declaration
    topic = declared.topic and declared.topic.model_copy(update={"name": f"demo-{declared.topic.name}"})
    sinks = {name: _sink_aside(feed.name, table, folder) for name, table in declared.sinks.items()}
    return _with(feed, topic=topic, sinks=sinks)._replace(name=f"demo_{feed.name}")


def _sink_aside(feed: str, table: SinkTable, folder: Path) -> SinkTable:
    packet = table.packet.model_copy(update={"after": 1.0})
    changed: dict[str, Any] = {"packet": packet}
    if isinstance(table, PostgresSink | HiveSink):
        changed["table"] = f"demo_{table.table}"
    elif isinstance(table, HdfsSink):
        changed["root"] = f"/demo/{feed}"
    elif isinstance(table, CsvSink):
        changed["file"] = str(folder / table.file)
    elif isinstance(table, TopicSink):
        changed["topic"] = f"demo-{table.topic}"
    return table.model_copy(update=changed)


def _with(feed: NamedFeed, **changed: Any) -> NamedFeed:
    return feed._replace(declaration=feed.declaration.model_copy(update=changed))
