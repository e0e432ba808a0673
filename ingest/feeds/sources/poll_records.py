"""The poll of an API as a source of a feed."""

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from ingest.feeds.declaration.model import HttpSource
from ingest.feeds.record import Record
from ingest.feeds.sources.answers import AnswerReader, decode_answer
from ingest.feeds.sources.poll import SPEC, Poll
from ingest.feeds.sources.source_request import SourceRequest
from ingest.hours import Millis
from ingest.sources.formats.contract import BrokenPart
from ingest.sources.live.source import LiveSource, RunOptions
from ingest.sources.selection import AllItems


def make(request: SourceRequest[HttpSource]) -> LiveSource[Record]:
    """The source of a feed that polls. Raises `UsageError`, also for a missing secret."""
    table = request.table
    poll = Poll.of_feed(name_of_poll(table), table, request.now, most_polls=request.most_polls)
    return LiveSource(poll, RunOptions(AllItems(), request.stop, request.settings.ingest.transaction_ms))


def name_of_poll(table: HttpSource) -> str:
    """The name of a poll: equal for equal requests. A secret is no part of it."""
    asked = [table.url, {name: [ask.path, ask.query] for name, ask in table.ask.items()}]
    return f"http:{hashlib.sha256(msgspec.json.encode(asked)).hexdigest()[:12]}"


def reader_of(request: SourceRequest[HttpSource], _spec: Mapping[str, Any], _where: str) -> "ValueReader":
    """The reader of a reject: one record of an answer. Raises `UsageError`."""
    return ValueReader(AnswerReader(request.table), request.now)


class ValueReader:
    """Reads one record of an answer, or the object of all answers, again."""

    spec = SPEC

    def __init__(self, answers: AnswerReader, now: Callable[[], Millis]) -> None:
        self._answers = answers
        self._now = now

    def read(self, record: bytes) -> list[Record | BrokenPart]:
        """See `RecordReader`."""
        return [self._answers.read_record(decode_answer(record), self._now())]
