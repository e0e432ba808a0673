"""Feed check: a feed in words, without a server: its source, topic and sinks with their guarantees, notes, examples.

The command `feed check` prints it. A file with mistakes never gets here: reading it raises.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from batch_layer.sinks.registry import kind_of
from config.errors import UsageError
from config.quantity import quantity
from ingest.feeds.declaration.catalog import Catalog
from ingest.feeds.declaration.checks import place_of
from ingest.feeds.declaration.examples import run_example
from ingest.feeds.declaration.model import (
    CsvSink,
    Feed,
    FileRecords,
    HdfsSink,
    HttpSource,
    NamedFeed,
    PostgresSink,
    PostRecords,
    SinkTable,
    TopicSink,
)
from ingest.hours import Millis, moment_of

_UNITS = ((86_400, "day", "days"), (3_600, "h", "h"), (60, "min", "min"), (1, "s", "s"))
_FOLDERS = {"day": "/dt=…", "hour": "/dt=…/hour=…", "none": ""}


class Finding(NamedTuple):
    """One line about a part of a feed."""

    part: str
    """`source`, `topic`, the name of a sink, `note`, or `examples`."""
    what: str
    guarantee: str = ""
    """Of a sink: `once: …` or `at least once: …`."""
    wrong: bool = False
    """Whether the feed can't run like this, or an example gives something else."""


class FeedCheck(NamedTuple):
    """Everything about a feed that needs no server."""

    name: str
    about: str
    findings: list[Finding]

    @property
    def is_right(self) -> bool:
        """Whether nothing is wrong."""
        return not any(finding.wrong for finding in self.findings)


def check_feed(
    catalog: Catalog, name: str, values: Mapping[str, str], environment: Mapping[str, str], now: Millis
) -> FeedCheck:
    """Look at a feed, by its name or its path, and run its examples. A variable without a value is a note.

    Raises `UsageError`: the file is wrong, or a value of a variable.
    """
    file, feed = catalog.file(name), catalog.feed(name, values, environment, lenient=True)
    declared = feed.declaration
    findings = [Finding("source", _source(declared, environment)), *_topic(declared)]
    findings += [_sink(declared, name) for name in declared.sinks]
    for variable in file.missing(values, environment):
        about = f": {file.variables[variable].about}" if file.variables[variable].about else ""
        findings.append(Finding("note", f"{variable} needs a value, by --set {variable}=VALUE{about}"))
    notes = [*_notes(declared, now), *_shared(feed, catalog.others(feed.name, environment))]
    findings += [Finding("note", note) for note in notes]
    findings += _examples(feed, file.path.parent, now)
    return FeedCheck(feed.name, declared.about, findings)


def span_text(seconds: float) -> str:
    """A span in the largest unit that divides it: `10 min`, `7 days`."""
    size, one, many = next((unit for unit in _UNITS if seconds % unit[0] == 0), _UNITS[-1])
    count = seconds / size
    return f"{count:g} {one if count == 1 else many}"


def _source(feed: Feed, environment: Mapping[str, str]) -> str:
    source = feed.source
    if isinstance(source, HttpSource):
        a_day = round(len(source.ask) * 86_400 / source.every)
        text = f"http, every {span_text(source.every)}: {quantity(len(source.ask), 'request')}, {a_day:,} a day"
        if source.secret is None:
            return text
        is_set = "is set" if environment.get(source.secret.env) else "is not set"
        return f"{text}. Key: {source.secret.env} {is_set}"
    if isinstance(source, FileRecords):
        return f"file {source.path}, {source.format}"
    if isinstance(source, PostRecords):
        choice = [f"{key} {value}" for key, value in (("tag", source.tag), ("language", source.lang)) if value]
        return f"posts of {source.path or source.from_}" + (f" with {' and '.join(choice)}" if choice else "")
    return "the archive of posts" if feed.topic is None else "others fill the topic"


def _topic(feed: Feed) -> Iterator[Finding]:
    topic = feed.topic
    if topic is not None:
        key = f", key {topic.key}" if topic.key else ""
        kept = span_text(topic.keep)
        yield Finding("topic", f"{topic.name}, {quantity(topic.partitions, 'partition')}, retention {kept}{key}")


def _sink(feed: Feed, name: str) -> Finding:
    table = feed.sinks[name]
    columns = len(feed.columns_of(name))
    what = _place(table) + (f", {quantity(columns, 'column')}" if columns else "")
    details = [f"reads {table.from_}"] if table.from_ != "kafka" else []
    if table.where is not None:
        words = f"the watched {table.where.watched}" if table.where.watched else table.where.true
        details.append(f"where {words}")
    if getattr(table, "engine", "python") == "spark":
        details.append("by Spark")
    if isinstance(table, PostgresSink):
        key = {column.from_: name for name, column in reversed(feed.columns_of(name).items())}
        details.append(f"key ({key['$partition']}, {key['$offset']})")
    try:
        guarantee = kind_of(table).guarantee
    except UsageError as error:
        return Finding(name, what, error.what, wrong=True)
    return Finding(name, what, "; ".join([guarantee, *details]))


def _place(table: SinkTable) -> str:
    if isinstance(table, HdfsSink):
        return f"{table.root}{_FOLDERS[table.by]}/{table.files}_*"
    if isinstance(table, CsvSink):
        return f"file {table.file}"
    return f"topic {table.topic}" if isinstance(table, TopicSink) else f"table {table.table}"


def _notes(feed: Feed, now: Millis) -> Iterator[str]:
    local: dict[str, list[str]] = {}
    for sink in feed.sinks:
        for name, column in feed.columns_of(sink).items():
            if column.from_ == "$now":
                yield f"{sink}.{name} is when a row was written: a rebuild gives another"
            if column.zone is not None and column.type != "date":
                local.setdefault(column.zone, []).append(f"{sink}.{name}")
    for zone, columns in local.items():
        twice = _hour_that_comes_twice(ZoneInfo(zone), now)
        if twice is not None:
            start, end = twice[0], twice[0] + twice[1]
            names = f"{', '.join(columns)} {'is' if len(columns) == 1 else 'are'}"
            yield f"{names} local time: {start:%Y-%m-%d %H:%M} to {end:%H:%M} comes twice. Nothing is ordered by it"


def _shared(feed: NamedFeed, others: Iterable[NamedFeed]) -> Iterator[str]:
    """Places that other feeds have too: two feeds that run would meet there."""
    mine = _places(feed.declaration)
    for other in others:
        if both := sorted(mine & _places(other.declaration)):
            names = ", ".join(" ".join(place) for place in both)
            yield f"feed {other.name} has {names} too: run one of them, or rename"


def _places(feed: Feed) -> set[tuple[str, str]]:
    own = {("topic", feed.topic.name)} if feed.topic is not None else set()
    return own | {place_of(table) for table in feed.sinks.values()}


def _hour_that_comes_twice(zone: ZoneInfo, now: Millis) -> tuple[datetime, timedelta] | None:
    """The last wall clock span that came twice in a zone before `now`, within a year; None for a zone without one."""
    at = moment_of(now).replace(minute=0, second=0, microsecond=0)
    for hours in range(366 * 24):
        after = (at - timedelta(hours=hours)).astimezone(zone)
        before = (at - timedelta(hours=hours + 1)).astimezone(zone)
        back = (before.utcoffset() or timedelta()) - (after.utcoffset() or timedelta())
        if back > timedelta():
            return after.replace(tzinfo=None), back
    return None


def _examples(feed: NamedFeed, folder: Path, now: Millis) -> Iterator[Finding]:
    examples = feed.declaration.examples
    if not examples:
        yield Finding("examples", "none")
        return
    different = []
    for number, example in enumerate(examples):
        try:
            differences = run_example(feed, example, folder, now).differences
        except UsageError as error:
            differences = [str(error)]
        different += [Finding("examples", f"example {number}: {text}", wrong=True) for text in differences[:1]]
    right = len(examples) - len(different)
    yield Finding("examples", f"{right} of {len(examples)} give what they say", wrong=bool(different))
    yield from different
