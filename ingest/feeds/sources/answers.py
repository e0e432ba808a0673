"""From the answers of an API to records, without a network: the poll, the examples of a file and the demo call it.

one answer a request -> the records in it (joined, where the feed says so), or one record of all answers
"""

import json
from collections.abc import Mapping
from typing import Any, NoReturn

import msgspec

from config.errors import BadRecordError, UsageError
from config.quantity import quantity
from ingest.feeds.declaration.model import HttpSource
from ingest.feeds.event_time import FUTURE_MS, event_time
from ingest.feeds.record import Record
from ingest.feeds.rows.expressions import compile_search
from ingest.feeds.sources.digests import digest_of
from ingest.feeds.sources.joins import Join
from ingest.feeds.sources.requests_check import check_requests
from ingest.hours import Millis, check_event_time
from ingest.sources.formats.contract import LONGEST_ID, BrokenPart, Notice

Part = Record | BrokenPart | Notice
Answers = Mapping[str, Any]
"""Decoded JSON by the name of its request; None, or no entry, for an optional request without an answer."""

_sorted = msgspec.json.Encoder(order="sorted")


def records_of(source: HttpSource, answers: Answers, now: Millis, future_ms: int = FUTURE_MS) -> list[Part]:
    """The records of one poll, in the order of the answer; see `AnswerReader.read`."""
    return AnswerReader(source, future_ms).read(answers, now)


class AnswerReader:
    """Makes records of the answers to one poll after another."""

    def __init__(self, source: HttpSource, future_ms: int = FUTURE_MS) -> None:
        """Raises `UsageError` for an expression or a reference that is wrong, with its key of the file as `where`."""
        check_requests(source)
        self._source = source
        self._future_ms = future_ms
        self._first = next(iter(source.ask))
        self._find_id = _search("source.id", source.id)
        self._find_at = _search("source.at", source.at)
        self._records = {name: _search(f"source.ask.{name}.records", ask.records) for name, ask in source.ask.items()}
        self._add = {name: _search(f"source.add.{name}", text) for name, text in source.add.items()}

    def read(self, answers: Answers, now: Millis) -> list[Part]:
        """Records, and what is wrong with others: a `BrokenPart` holds its record, a `Notice` says what is missing.

        Raises `BadRecordError` where no records are in the answers at all: they are of another shape.
        """
        parts: list[Part] = [Notice(f"no answer: {name}") for name in self._source.ask if answers.get(name) is None]
        if self._source.send == "one":
            return [*parts, self.read_record(self._whole(answers), now)]
        records, notices = self._listed(answers)
        parts += notices
        if not records:
            parts.append(Notice(f"no records: {self._first}"))
        names: set[str] = set()
        for value in records:
            part = self.read_record(value, now)
            if not isinstance(part, Record):
                parts.append(part)
            elif part.name in names:
                parts.append(Notice(f"an id twice: {part.name}"))
            else:
                names.add(part.name)
                parts.append(part)
        return parts

    def check(self, answers: Answers) -> None:
        """Raise `BadRecordError` where `read` would."""
        if self._source.send == "one":
            self._whole(answers)
        else:
            self._listed(answers)

    def _whole(self, answers: Answers) -> dict[str, Any]:
        for name, ask in self._source.ask.items():
            if not ask.optional and answers.get(name) is None:
                raise BadRecordError(f"{name}: no answer")
        value = {name: answers.get(name) for name in self._source.ask}
        return value | {name: find(value) for name, find in self._add.items()}

    def _listed(self, answers: Answers) -> tuple[list[Any], list[Notice]]:
        """The records of the first request, completed by those of the others."""
        records = self._list(self._first, answers)
        notices: list[Notice] = []
        for name, field in self._source.join.items():
            if self._source.ask[name].optional and answers.get(name) is None:
                continue
            join = Join(field, self._first, name)
            records, missing = join.complete(records, self._list(name, answers))
            notices += missing
        return records, notices

    def _list(self, name: str, answers: Answers) -> list[Any]:
        found = self._records[name](answers.get(name))
        if isinstance(found, list):
            return found
        seen = f"{type(answers.get(name)).__name__} {_json(answers.get(name))}"
        raise BadRecordError(f"{name}: no list of records at {self._source.ask[name].records!r}, but {seen[:100]}")

    def read_record(self, value: Any, now: Millis) -> Record | BrokenPart:
        """One record of an answer, or the object of all answers."""
        try:
            if not isinstance(value, dict):
                raise BadRecordError("no object")
            encoded = _encode(value)
            name = _id(self._find_id(value))
            at = event_time(self._find_at(value))
            check_event_time(at, now, self._future_ms)
        except BadRecordError as error:
            return BrokenPart(_json(value).encode(), error.reason)
        return Record(name, at, value, digest_of(self._source.send, at, encoded))


def decode_answer(body: bytes) -> Any:
    """JSON, whatever its content type says. Raises `BadRecordError`.

    Half a character, `NaN` or `Infinity` spoils the record that holds it (`AnswerReader.read`), and no other.
    """
    try:
        return msgspec.json.decode(body.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        why = f"not JSON: {error}"
    try:
        return json.loads(body.decode("utf-8-sig"), parse_constant=_NoNumber)
    except (ValueError, RecursionError):
        raise BadRecordError(why) from None


class _NoNumber:
    """A constant that some programs write, and JSON has not: no encoder takes it."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return self._name

    def __float__(self) -> float:
        return float(self._name)


def _encode(value: dict[str, Any]) -> bytes:
    """Equal bytes for equal values. Raises `BadRecordError` for what is no JSON."""
    try:
        return _sorted.encode(value)
    except UnicodeEncodeError:
        raise BadRecordError("holds half a character (a lone surrogate)") from None
    except RecursionError:
        raise BadRecordError("nested too deep") from None
    except TypeError:
        raise BadRecordError("holds NaN or Infinity, which are no JSON") from None


def _json(value: Any) -> str:
    """What can be shown of any value. NaN stays what no reader takes."""
    try:
        return json.dumps(value, default=float)
    except RecursionError:
        return ""


def _id(found: Any) -> str:
    if isinstance(found, bool) or not isinstance(found, str | int) or found == "":
        raise BadRecordError("no id" if found is None or found == "" else f"no id: {str(found)[:60]}")
    name = str(found)
    if len(name) > LONGEST_ID:
        raise BadRecordError(f"an id of {quantity(len(name), 'character')}")
    return name


def _search(where: str, text: str) -> Any:
    try:
        return compile_search(text)
    except UsageError as error:
        _refuse(where, error)


def _refuse(where: str, error: UsageError) -> NoReturn:
    raise UsageError(error.what, where=where) from None
