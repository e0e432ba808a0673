"""Examples of a feed's file: answers or rows -> records -> rows of every sink, by the code that runs, without a server.

A sink that reads another one gets what that one holds, so an example also shows that nothing changes on the way.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from config.errors import BadRecordError, UsageError
from config.settings import IngestSettings, KafkaSettings
from ingest.feeds.declaration.model import Example, Feed, HttpSource, NamedFeed, TopicSink
from ingest.feeds.record import Record
from ingest.feeds.record_encoder import RecordEncoder
from ingest.feeds.rows.canonical_json import decode
from ingest.feeds.rows.row_reader import Row, RowReader
from ingest.feeds.rows.types import Cell
from ingest.feeds.sources.answers import decode_answer, records_of
from ingest.hours import Millis
from ingest.kafka.message import Message
from ingest.kafka.transactions import Outgoing
from ingest.sources.formats.contract import Notice

MATCHED = "matched"
"""The header of a record in a topic; an example may name it as if it were a column."""
_SHOWN = 100


class ExampleRun(NamedTuple):
    """What a feed makes of an example."""

    rows: dict[str, list[dict[str, Any]]]
    """Rows of each sink, by column."""
    rejects: list[str]
    """The reason for each record that the source or a sink refuses."""
    notices: list[str]
    differences: list[str]
    """Where that is not what the example says; empty: it is."""


def run_example(feed: NamedFeed, example: Example, folder: Path, now: Millis) -> ExampleRun:
    """Run an example. `folder` is that of the feed's file. Raises `UsageError` for an answer that can't be read."""
    declared = feed.declaration
    values, rejects, notices = _values(declared, example, folder, now)
    messages, unsent = _messages(feed, values, now)
    taken: dict[str, list[tuple[Message, Row]]] = {}
    refused: dict[int, str] = {}
    for sink in _in_order(declared):
        before = declared.sinks[sink].from_
        intake = _handed_on(declared, before, taken[before]) if before in taken else messages
        taken[sink] = list(_read(declared, sink, intake, now, refused))
    rows = {sink: [_by_column(declared, sink, row) for _, row in taken[sink]] for sink in declared.sinks}
    rejects += unsent + [refused[offset] for offset in sorted(refused)]
    return ExampleRun(rows, rejects, notices, list(_differences(example, rows, rejects)))


def shown(cell: Cell) -> Any:
    """A cell as an example may spell it: a moment as text, its wall clock or else UTC."""
    if isinstance(cell, datetime):
        return cell.replace(tzinfo=None).isoformat(" ")
    if isinstance(cell, bytes):
        return cell.decode(errors="replace")
    return cell if cell is None or isinstance(cell, str | int | float | bool) else str(cell)


def _values(feed: Feed, example: Example, folder: Path, now: Millis) -> tuple[list[Any], list[str], list[str]]:
    """The values of the records, the reasons for rejects of the source, and its notices."""
    if not isinstance(feed.source, HttpSource) or example.rows:
        return list(example.rows), [], []
    answers = {ask: _answer(folder, path) for ask, path in example.answers.items()}
    try:
        parts = records_of(feed.source, answers, now)
    except BadRecordError as error:
        return [], [error.reason], []
    records = [part.value for part in parts if isinstance(part, Record)]
    notices = [part.kind for part in parts if isinstance(part, Notice)]
    rejects = [part.reason for part in parts if not isinstance(part, Record | Notice)]
    return records, rejects, notices


def _answer(folder: Path, path: str) -> Any:
    file = folder / path
    if not file.resolve().is_relative_to(folder.resolve()):
        raise UsageError("an answer lies beside the feed's file or below", where=path)
    try:
        return decode_answer(file.read_bytes())
    except OSError as error:
        raise UsageError(f"can't read it: {error.strerror}", where=str(file)) from None
    except BadRecordError as error:
        raise UsageError(error.reason, where=str(file)) from None


def _messages(feed: NamedFeed, values: Sequence[Any], now: Millis) -> tuple[list[Message], list[str]]:
    """The messages of the feed's topic, and the reasons for records that its encoder refuses."""
    encoder = RecordEncoder(KafkaSettings(), IngestSettings(), feed)
    outgoing, refused = Outgoing(), []
    for number, value in enumerate(values):
        reject = encoder.add_item(outgoing, Record(str(number), now, value))
        if reject is not None:
            refused.append(reject.reason)
    sent = enumerate(outgoing.messages)
    return [Message(0, offset, value, key, now) for offset, (_, value, key) in sent], refused


def _in_order(feed: Feed) -> Iterator[str]:
    """The sinks, each behind the one that it reads."""
    left = dict(feed.sinks)
    while left:
        ready = [name for name, table in left.items() if table.from_ not in left]
        yield from ready
        for name in ready:
            del left[name]


def _handed_on(feed: Feed, sink: str, rows: Sequence[tuple[Message, Row]]) -> list[Message]:
    """What another stage reads of a sink: the column of `$value`, and the coordinates."""
    index = [column.from_ for column in feed.columns_of(sink).values()].index("$value")
    values = [b"null" if row.cells[index] is None else str(row.cells[index]).encode() for _, row in rows]
    return [each._replace(value=value, key=None) for (each, _), value in zip(rows, values, strict=True)]


def _read(
    feed: Feed, sink: str, messages: Sequence[Message], now: Millis, refused: dict[int, str]
) -> Iterator[tuple[Message, Row]]:
    reader = RowReader(feed, sink, feed.topic.name if feed.topic is not None else "")
    for message in messages:
        try:
            found = reader.read(message, now)
        except BadRecordError as error:
            refused.setdefault(message.offset, f"{sink}: {error.reason}")
        else:
            if found is not None:
                yield message, found[1]


def _by_column(feed: Feed, sink: str, row: Row) -> dict[str, Any]:
    if isinstance(feed.sinks[sink], TopicSink):
        return {MATCHED: ", ".join(row.matched)}
    return dict(zip(feed.columns_of(sink), map(shown, row.cells), strict=True))


def _differences(example: Example, rows: Mapping[str, list[dict[str, Any]]], rejects: list[str]) -> Iterator[str]:
    for sink, expected in example.gives.items():
        if len(expected) != len(rows[sink]):
            yield f"{sink}: rows: {len(rows[sink])} instead of {len(expected)}"
            continue
        for number, (want, row) in enumerate(zip(expected, rows[sink], strict=True)):
            for column, value in want.items():
                if not _equal(row[column], value):
                    yield f"{sink}, row {number}: {column} is {row[column]!r:.{_SHOWN}}, not {value!r:.{_SHOWN}}"
                    break
    if len(rejects) != example.rejects:
        reasons = f": {'; '.join(rejects)}" if rejects else ""
        yield f"rejects: {len(rejects)} instead of {example.rejects}{reasons}"


def _equal(cell: Any, expected: Any) -> bool:
    """Whether a cell is as the example says. TOML has no null: an empty text stands for it."""
    if cell is None:
        return bool(expected == "")
    if isinstance(expected, dict | list):
        try:
            return bool(decode(str(cell).encode()) == expected)
        except BadRecordError:
            return False
    return bool(cell == (shown(expected) if isinstance(expected, datetime) else expected)) and (
        isinstance(cell, bool) == isinstance(expected, bool)
    )
