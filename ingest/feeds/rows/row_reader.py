"""RowReader: a message of a feed's topic as a row of one sink, or the reason for a reject.

value bytes -> JSON -> where? -> one cell for each column -> (folder, row)
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from config.errors import BadRecordError, UsageError
from ingest.feeds.declaration.model import Feed, HdfsSink, HiveSink, TopicSink
from ingest.feeds.event_time import FUTURE_MS, event_time
from ingest.feeds.rows.canonical_json import decode
from ingest.feeds.rows.expressions import Evaluate, Scope, Search, compile_expression, compile_search
from ingest.feeds.rows.matching import Match, matcher
from ingest.feeds.rows.types import Cell, converter
from ingest.hours import Millis, check_event_time, moment_of
from ingest.kafka.message import Message

BY = {"day": "dt=%Y-%m-%d", "hour": "dt=%Y-%m-%d/hour=%H", "none": ""}
"""The folder of a row, by the event time of its record in the zone of the feed."""
_QUARTER_MS = 900_000
"""No zone has an offset with a smaller part of an hour: a folder is that of its quarter."""


class Row(NamedTuple):
    """A row of a sink. Its partition is that of its chunk."""

    offset: int
    cells: tuple[Cell, ...]
    """In the order of the columns. Of a topic: the key and the value of the message, as they are."""
    matched: tuple[str, ...] = ()
    """The watched names or keywords that `where` has found."""


class RowReader:
    """Reads messages for one sink of a feed."""

    def __init__(self, feed: Feed, sink: str, topic: str) -> None:
        """Raises `UsageError` for an expression that does not compile, with the key of the file as `where`."""
        table = feed.sinks[sink]
        self._topic = topic
        self._passes_on = isinstance(table, TopicSink)
        self._cells: list[tuple[str, Evaluate, Callable[[Any], Cell]]] = []
        for name, column in feed.columns_of(sink).items():
            with _key(f"sinks.{sink}.columns.{name}" if table.columns else f"columns.{name}"):
                self._cells.append((name, compile_expression(column.from_), converter(column)))
        self._match: Match | None = None
        if table.where is not None:
            with _key(f"sinks.{sink}.where"):
                self._match = matcher(table.where, feed.watched)
        self._at: Search | None = None
        if feed.event_time is not None:
            with _key("source.at"):
                self._at = compile_search(feed.event_time)
        pattern = BY[table.by] if isinstance(table, HdfsSink | HiveSink) else ""
        self._folder = _folders(pattern, ZoneInfo(feed.zone)) if pattern else None

    def read(self, message: Message, now: Millis) -> tuple[str, Row] | None:
        """The folder and the row; None where `where` leaves the record out. Raises `BadRecordError`."""
        if message.value is None:
            raise BadRecordError("an empty message")
        value = decode(message.value)
        matched = self._match(value) if self._match is not None else ()
        if matched is None:
            return None
        at = self._time_of(value, message, now)
        if self._passes_on:
            return "", Row(message.offset, (message.key, message.value), matched)
        scope = Scope(value, message.key, at, message.partition, message.offset, self._topic, message.sent_at, now)
        cells = []
        name = ""
        try:
            for name, evaluate, make in self._cells:  # noqa: B007 - the handler shows it
                cells.append(make(evaluate(scope)))
        except BadRecordError as error:
            raise BadRecordError(f'"{name}": {error.reason}') from None
        folder = self._folder(at // _QUARTER_MS) if self._folder is not None else ""
        return folder, Row(message.offset, tuple(cells), matched)

    def _time_of(self, value: Any, message: Message, now: Millis) -> Millis:
        """The event time: what `at` of the source finds, else the time of the message.

        A record must not be from the future of its message: each stage thus decides alike, whenever it runs.
        """
        if self._at is None:
            return message.sent_at
        at = event_time(self._at(value))
        check_event_time(at, message.sent_at if message.sent_at > 0 else now, FUTURE_MS)
        return at


def _folders(pattern: str, zone: ZoneInfo) -> Callable[[int], str]:
    """The folder of each quarter of an hour since 1970."""

    @lru_cache(1_000)
    def folder(quarter: int) -> str:
        return moment_of(quarter * _QUARTER_MS).astimezone(zone).strftime(pattern)

    return folder


@contextmanager
def _key(name: str) -> Iterator[None]:
    """Compile a key of the file: a `UsageError` gets it as its place."""
    try:
        yield
    except UsageError as error:
        raise UsageError(error.what, where=name) from None
