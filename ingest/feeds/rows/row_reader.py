"""RowReader: a message of a feed's topic as a row of one sink, or the reason for a reject.

value bytes -> JSON -> where? -> one cell for each column -> (folder, row)
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from config.errors import BadRecordError, UsageError
from ingest.feeds.declaration.model import Feed, HdfsSink, HiveSink
from ingest.feeds.event_time import event_time
from ingest.feeds.rows.expressions import Scope, compile_expression, compile_search
from ingest.feeds.rows.types import Cell, converter
from ingest.hours import Millis
from ingest.kafka.message import Message

BY = {"day": "dt=%Y-%m-%d", "hour": "dt=%Y-%m-%d/hour=%H", "none": ""}
"""The folder of a row, by the event time of its record in UTC."""


class Row(NamedTuple):
    """A row of a sink. Its partition is that of its chunk."""

    offset: int
    cells: tuple[Cell, ...]
    """In the order of the columns."""


class RowReader:
    """Reads messages for one sink of a feed."""

    def __init__(self, feed: Feed, sink: str, topic: str) -> None:
        """Raises `UsageError` for an expression that does not compile, with the key of the file as `where`."""
        columns = feed.columns_of(sink)
        table = feed.sinks[sink]
        self._topic = topic
        self._cells = [
            (name, _compile(f"sinks.{sink}.columns.{name}", column.from_), converter(column))
            for name, column in columns.items()
        ]
        at = feed.source.at if feed.source is not None and hasattr(feed.source, "at") else None
        self._at = compile_search(at) if at else None
        self._by = BY[table.by] if isinstance(table, HdfsSink | HiveSink) else ""

    def read(self, message: Message, now: Millis) -> tuple[str, Row] | None:
        """The folder and the row; None where `where` leaves the record out. Raises `BadRecordError`."""
        if message.value is None:
            raise BadRecordError("an empty message")
        value = decode(message.value)
        at = self.event_time(value) if self._at else message.sent_at
        scope = Scope(value, message.key, at, message.partition, message.offset, self._topic, message.sent_at, now)
        cells = tuple(_cell(name, evaluate, make, scope) for name, evaluate, make in self._cells)
        folder = datetime.fromtimestamp(at / 1000, UTC).strftime(self._by) if self._by else ""
        return folder, Row(message.offset, cells)

    def event_time(self, value: Any) -> Millis:
        """The time that `at` of the source finds in a value. A number counts seconds. Raises `BadRecordError`."""
        return event_time(self._at(value) if self._at else None)


def decode(value: bytes) -> Any:
    """JSON. Raises `BadRecordError`."""
    try:
        return msgspec.json.decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadRecordError(f"not JSON: {error}") from None


def _cell(name: str, evaluate: Callable[[Scope], Any], make: Callable[[Any], Cell], scope: Scope) -> Cell:
    try:
        return make(evaluate(scope))
    except BadRecordError as error:
        raise BadRecordError(f'"{name}": {error.reason}') from None


def _compile(where: str, text: str) -> Callable[[Scope], Any]:
    try:
        return compile_expression(text)
    except UsageError as error:
        raise UsageError(error.what, where=where) from None
