"""Checks across the tables of a feed's file: each finding names its key. They need no server and no record."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

from config.errors import UsageError
from config.settings.network.addresses import is_loopback
from ingest.feeds.declaration.column_checks import check_columns
from ingest.feeds.declaration.model import (
    ARCHIVE,
    CsvSink,
    Feed,
    HdfsSink,
    HiveSink,
    HttpSource,
    PostgresSink,
    PostRecords,
    SinkTable,
    TopicSink,
)
from ingest.feeds.declaration.problems import Problem
from ingest.feeds.rows.expressions import compile_search
from ingest.feeds.rows.matching import matcher, words_of
from ingest.feeds.sources.answers import AnswerReader

KAFKA = "kafka"
"""What a sink reads unless its `from` names another one."""
RESERVED_SINKS = frozenset({KAFKA, ARCHIVE, "source", "topic"})
"""Names with another meaning: in `from`, and as parts of a feed."""
RESERVED_TABLES = frozenset({"feed_positions", "feed_gaps", "ref_date"})
"""Tables of our own beside those of a feed in PostgreSQL."""
FILE = "file"


def check(feed: Feed) -> Iterator[Problem]:
    """Everything that is wrong with a feed beyond the shape of its tables."""
    yield from _check_source(feed)
    yield from _check_topic(feed)
    yield from _check_watched(feed)
    for name in RESERVED_SINKS & feed.sinks.keys():
        yield Problem(("sinks", name), f"no sink may be called {name}: the word means something else")
        return
    for name, table in feed.sinks.items():
        yield from _check_sink(feed, name, table)
        yield from check_columns(feed, name)
    if feed.columns and all(table.columns or isinstance(table, TopicSink) for table in feed.sinks.values()):
        yield Problem(("columns",), "no sink uses them: each has its own, or none")
    yield from _check_places(feed)
    yield from _check_examples(feed)


def reads_archive(feed: Feed) -> bool:
    """Whether the feed is one of posts from the archive, which has neither a source nor a topic of its own."""
    return feed.topic is None and all(table.from_ == ARCHIVE for table in feed.sinks.values())


def _compile(key: tuple[str | int, ...], compile_it: Callable[[], object]) -> Iterator[Problem]:
    try:
        compile_it()
    except UsageError as error:
        inner = tuple(error.where.split(".")) if error.where else key
        step = f". {error.next_step}" if error.next_step else ""
        yield Problem(inner, f"{error.what}{step}")


def _check_source(feed: Feed) -> Iterator[Problem]:
    source = feed.source
    if isinstance(source, HttpSource):
        yield from _compile(("source",), lambda: AnswerReader(source))
        yield from _check_secret(source)
    elif isinstance(source, PostRecords):
        if (source.from_ == FILE) != (source.path is not None):
            yield Problem(("source", "path"), "posts of a file need its path, and no others have one")
    elif source is not None and source.at is not None:
        yield from _compile(("source", "at"), lambda: compile_search(source.at or ""))


def _check_secret(source: HttpSource) -> Iterator[Problem]:
    if source.secret is None:
        return
    address = urlsplit(source.url)
    if address.scheme == "http" and not is_loopback(address.hostname or ""):
        yield Problem(("source", "url"), "a secret goes over https, or to this machine")
    for name, ask in source.ask.items():
        if source.secret.query in ask.query:
            yield Problem(("source", "ask", name, "query"), f"the secret sets {source.secret.query} already")


def _check_topic(feed: Feed) -> Iterator[Problem]:
    if feed.topic is None:
        if not reads_archive(feed):
            yield Problem((), "a feed needs a [topic], unless all its sinks read the archive")
        elif feed.source is not None:
            yield Problem(("source",), "a feed of the archive has no source: `trends ingest` fills the archive")
    elif feed.topic.key is not None:
        key = feed.topic.key
        yield from _compile(("topic", "key"), lambda: compile_search(key))


def _check_watched(feed: Feed) -> Iterator[Problem]:
    if feed.watched and not any(table.where and table.where.watched for table in feed.sinks.values()):
        yield Problem(("watched",), "no `where` looks for these words")
    for name, keywords in feed.watched.items():
        for word in (name, *keywords):
            if not words_of(word).strip():
                yield Problem(("watched", name), f"{word[:60]!r} has no word in it")


def _check_sink(feed: Feed, name: str, table: SinkTable) -> Iterator[Problem]:
    key = ("sinks", name)
    yield from _check_origin(feed, name, table)
    where = table.where
    if where is not None:
        yield from _compile((*key, "where"), lambda: matcher(where, feed.watched))
        if where.watched is not None and not feed.watched:
            yield Problem((*key, "where", "watched"), "the file has no [watched] words")
    if table.from_ != KAFKA and table.start == "now":
        yield Problem((*key, "start"), "only a stage that reads Kafka can start from now")
    if table.from_ == KAFKA and getattr(table, "every", None) is not None:
        yield Problem((*key, "every"), "a stage that reads Kafka never waits: `packet.after` bounds its chunks")


def _check_origin(feed: Feed, name: str, table: SinkTable) -> Iterator[Problem]:
    key, origin = ("sinks", name, "from"), table.from_
    if origin == ARCHIVE:
        if not isinstance(table, HiveSink) or feed.topic is not None:
            yield Problem(key, "only a Hive table of a feed without a topic reads the archive")
    elif origin != KAFKA:
        before = feed.sinks.get(origin)
        if before is None:
            there = ", ".join([KAFKA, *(other for other in feed.sinks if other != name)])
            yield Problem(key, f"no sink {origin[:70]!r}; there are {there}")
        elif isinstance(before, CsvSink | TopicSink):
            yield Problem(key, f"no stage can read a {before.type} sink: it keeps no coordinates")
        elif _comes_back(feed, name):
            yield Problem(key, "sinks read one another in a circle")


def _comes_back(feed: Feed, name: str) -> bool:
    visited: set[str] = set()
    at = name
    while at in feed.sinks and at not in visited:
        visited.add(at)
        at = feed.sinks[at].from_
    return at in visited


def _check_places(feed: Feed) -> Iterator[Problem]:
    """Two sinks in one place would overwrite each other, and a topic that feeds itself would grow for ever."""
    users: dict[tuple[str, str], list[str]] = defaultdict(list)
    for name, table in feed.sinks.items():
        key, place = place_of(table)
        users[table.type, place].append(name)
        if len(users[table.type, place]) > 1:
            yield Problem(("sinks", name, key), f"sink {users[table.type, place][0]} has {place} already")
        if isinstance(table, TopicSink) and feed.topic is not None and table.topic == feed.topic.name:
            yield Problem(("sinks", name, key), f"{place} is the topic of the feed itself")
        if isinstance(table, PostgresSink) and table.table in RESERVED_TABLES:
            yield Problem(("sinks", name, key), f"{place} is a table of trends itself")
        if isinstance(table, HdfsSink):
            yield from _check_root(feed, name, table)


def _check_root(feed: Feed, name: str, table: HdfsSink) -> Iterator[Problem]:
    if table.files.startswith("_"):
        yield Problem(("sinks", name, "files"), "Hive and Spark do not see files whose names begin with _")
    for other, each in feed.sinks.items():
        if other != name and isinstance(each, HdfsSink) and table.root.startswith(f"{each.root}/"):
            yield Problem(("sinks", name, "root"), f"{table.root} lies in {each.root} of sink {other}")


def place_of(table: SinkTable) -> tuple[str, str]:
    """The key and the value that say where a sink is."""
    if isinstance(table, HdfsSink):
        return "root", table.root
    if isinstance(table, CsvSink):
        return "file", table.file
    return ("topic", table.topic) if isinstance(table, TopicSink) else ("table", table.table)


def _check_examples(feed: Feed) -> Iterator[Problem]:
    asks = feed.source.ask if isinstance(feed.source, HttpSource) else {}
    for number, example in enumerate(feed.examples):
        key = ("examples", number)
        if feed.topic is None:
            yield Problem(key, "a feed of the archive has no examples: its rows are the posts")
            return
        if bool(example.answers) == bool(example.rows):
            yield Problem(key, "an example has either `answers` or `rows`")
        for ask in example.answers.keys() - asks.keys():
            yield Problem((*key, "answers", ask), "no such request in `source.ask`")
        for sink, rows in example.gives.items():
            if sink not in feed.sinks:
                yield Problem((*key, "gives", sink), "no such sink")
                continue
            columns = feed.columns_of(sink).keys() if not isinstance(feed.sinks[sink], TopicSink) else {"matched"}
            for column in {name for row in rows for name in row} - columns:
                yield Problem((*key, "gives", sink), f"no column {column[:70]!r}")
