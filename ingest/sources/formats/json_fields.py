"""Posts in JSON of any make: an object a post, its fields found by name, as columns are (`csv_header`), or named.

A path with dots names a field: `user.lang`, `entries.0.text`; a name that holds dots itself comes first. The hashtags
are those of the text. The reader takes rows of Parquet files too.
"""

from typing import Any, Self

import msgspec

from config.errors import BadRecordError
from ingest.sources.formats.contract import Item, Reading, utf8, why_not
from ingest.sources.formats.csv_header import NEEDED, ROLES, roles_of
from ingest.sources.formats.plain_json import as_text, unwrap
from ingest.sources.formats.timestamps import join_day_and_time


class Fields(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="format", tag="json"):
    """Where a post is in an object."""

    id: str
    text: str
    time: str | None = None
    date: str | None = None
    """The day, where `time` has the time of day alone."""
    lang: str | None = None
    source: str
    time_from: str = ""


class JsonReader:
    """Reads objects with the fields given."""

    header_lines = 0

    def __init__(self, fields: Fields, reading: Reading) -> None:
        self.fields = fields
        self.spec = msgspec.json.encode(fields).decode()
        self.has_lang = fields.lang is not None
        self._reading = reading

    @classmethod
    def from_spec(cls, spec: dict[str, Any], reading: Reading) -> Self:
        """See `registry.make_reader`."""
        return cls(msgspec.convert(spec, Fields), reading)

    def frame(self, lines: Any) -> bytes:
        """A line."""
        line: bytes = lines.next()
        return line

    def read(self, record: bytes) -> list[Item]:
        """The post of an object."""
        text = utf8(record).strip("\ufeff \t\r\n")
        if not text:
            return []
        try:
            found = msgspec.json.decode(text)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
            raise BadRecordError(f"not JSON: {why_not(text, error)}") from None
        if not isinstance(found, dict):
            raise BadRecordError("not a JSON object")
        fields = self.fields
        id_ = self._reading.check_id((_text(found, fields.id) or "").strip())
        words = _value(found, fields.text)
        if not isinstance(words, str):
            raise BadRecordError(f"no text: {fields.text!r} is {'not there' if words is None else 'no text'}")
        time_text = (_text(found, fields.time) or "").strip()
        if fields.date is not None:
            time_text = join_day_and_time((_text(found, fields.date) or "").strip(), time_text)
        lang = _text(found, fields.lang) or None
        return [self._reading.post(id_, self._reading.moment(time_text, id_), words, text, lang)]


def guess_fields(record: dict[str, Any], asked: dict[str, str]) -> dict[str, str] | None:
    """The fields of an object by role, asked for or by their names; None if a needed one is missing."""
    names = list(record)
    found = {role: names[at] for role, at in roles_of(names, {}).items()} | asked
    return {role: found[role] for role in ROLES if role in found} if all(role in found for role in NEEDED) else None


def _text(record: dict[str, Any], path: str | None) -> str | None:
    return None if path is None else as_text(_value(record, path))


def _value(record: Any, path: str) -> Any:
    """The value at a path; None where there is no such path."""
    if isinstance(record, dict) and path in record:
        return unwrap(record[path])
    for step in path.split("."):
        if isinstance(record, dict):
            record = record.get(step)
        elif isinstance(record, list) and step.isdigit() and int(step) < len(record):
            record = record[int(step)]
        else:
            return None
    return unwrap(record)
