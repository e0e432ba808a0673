"""Checks of a sink's columns: expressions, types that the sink can hold, and enough for another stage to read it."""

from collections.abc import Iterator

from config.errors import UsageError
from ingest.feeds.declaration.model import (
    ARCHIVE,
    Column,
    CsvSink,
    Feed,
    HdfsSink,
    HiveSink,
    PostgresSink,
    SinkTable,
    TopicSink,
)
from ingest.feeds.declaration.problems import Problem
from ingest.feeds.rows.expressions import compile_expression

_OF_THE_MESSAGE = ("$key", "$sent")
"""A sink hands them on only where a column holds them."""
_MOMENTS = ("timestamp", "date", "string")
"""Types of a column that a zone changes."""
Key = tuple[str | int, ...]


def check_columns(feed: Feed, sink: str) -> Iterator[Problem]:
    """The problems of the columns of one sink."""
    table = feed.sinks[sink]
    own: Key = ("sinks", sink, "columns") if table.columns else ("columns",)
    if isinstance(table, TopicSink):
        if table.columns:
            yield Problem(own, "a topic has no columns: records pass on as they are")
        return
    if table.from_ == ARCHIVE:
        if table.columns:
            yield Problem(own, "a table of the archive has the columns of a post")
        return
    if not table.columns and not feed.columns:
        yield Problem(("sinks", sink), "it has no columns, and neither has the feed")
        return
    columns = feed.columns_of(sink)
    by_time = isinstance(table, HdfsSink | HiveSink) and table.by != "none" and feed.event_time is None
    if by_time and "$sent" not in _known(feed, table.from_):
        yield Problem(("sinks", sink, "by"), _unknown("$sent", table.from_))
    for name, column in columns.items():
        yield from _check_column((*own, name), column)
        yield from _check_fit((*own, name), name, column, feed, sink)
    if isinstance(table, PostgresSink):
        for built_in, type_ in (("$partition", "int"), ("$offset", "bigint")):
            if not any(column.from_ == built_in for column in columns.values()):
                line = f'{{ from = "{built_in}", type = "{type_}" }}'
                yield Problem(own, f"a table needs its key: add a column {line}")
    readable = not isinstance(table, CsvSink)
    if (
        readable
        and (reader := _reader_of(feed, sink))
        and not any(_holds_value(column, table) for column in columns.values())
    ):
        line = '{ from = "$value", type = "json" }'
        yield Problem(own, f"sink {reader} reads it, so it needs a column {line}")


def _check_column(key: Key, column: Column) -> Iterator[Problem]:
    try:
        compile_expression(column.from_)
    except UsageError as error:
        yield Problem((*key, "from"), error.what)
    if column.zone is not None and column.type not in _MOMENTS:
        yield Problem((*key, "zone"), f"a zone is for {', '.join(_MOMENTS)}, not for {column.type}")
    if column.format is not None and column.type != "string":
        yield Problem((*key, "format"), f"a format is for string, not for {column.type}")
    if column.from_ == "$offset" and column.type not in ("bigint", "string"):
        yield Problem((*key, "type"), "an offset needs bigint: it may exceed 32 bits")
    if column.from_ == "$partition" and column.type not in ("int", "bigint", "string"):
        yield Problem((*key, "type"), "a partition is an int")


def _check_fit(key: Key, name: str, column: Column, feed: Feed, sink: str) -> Iterator[Problem]:
    """Whether the sink can hold the column, and the stage can know it."""
    table = feed.sinks[sink]
    if column.type == "bytes" and (
        isinstance(table, CsvSink) or (isinstance(table, HdfsSink) and table.format == "json")
    ):
        kind = "CSV" if isinstance(table, CsvSink) else "JSON"
        yield Problem((*key, "type"), f"{kind} can't hold bytes")
    if isinstance(table, HdfsSink | HiveSink):
        folders = {"day": ("dt",), "hour": ("dt", "hour"), "none": ()}[table.by]
        if name in folders:
            yield Problem(key, f"{name} is the name of a folder already (`by`)")
    if isinstance(table, PostgresSink) and column.from_ in ("$partition", "$offset") and column.type == "string":
        yield Problem((*key, "type"), "the key of a table is made of numbers")
    needs = "$sent" if column.from_ == "$at" and feed.event_time is None else column.from_
    if needs in _OF_THE_MESSAGE and needs not in _known(feed, table.from_):
        yield Problem((*key, "from"), _unknown(needs, table.from_))


def _known(feed: Feed, origin: str) -> set[str]:
    """What a stage that reads a sink, or Kafka, knows of the message: what each sink before it has in a column."""
    known = set(_OF_THE_MESSAGE)
    for _ in feed.sinks:
        if origin not in feed.sinks:
            break
        known &= {column.from_ for column in feed.columns_of(origin).values() if _hands_on(feed, origin, column)}
        origin = feed.sinks[origin].from_
    return known


def _hands_on(feed: Feed, sink: str, column: Column) -> bool:
    if column.from_ == "$sent":
        return column.type == "timestamp" and column.zone is None
    return column.type == "string" and isinstance(feed.sinks[sink], HdfsSink | HiveSink)


def _unknown(name: str, origin: str) -> str:
    line = '{ from = "$sent", type = "timestamp" }'
    remedy = f"; a column {line} of {origin} would hand it on" if name == "$sent" else ""
    return f"a stage that reads {origin} does not know {name}{remedy}"


def _reader_of(feed: Feed, sink: str) -> str | None:
    return next((name for name, table in feed.sinks.items() if table.from_ == sink and name != sink), None)


def _holds_value(column: Column, table: SinkTable) -> bool:
    """A text of PostgreSQL could hold other JSON than what `jsonb` makes of it."""
    types = ("json",) if isinstance(table, PostgresSink) else ("json", "string")
    return column.from_ == "$value" and column.type in types
