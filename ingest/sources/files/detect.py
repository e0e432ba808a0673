"""The format of a file, and the layout of its records: by its first bytes, never by its name."""

import io
import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from config.errors import UsageError
from config.quantity import quantity
from ingest.sources.formats.csv_header import FormatOptions, Header, header_of
from ingest.sources.formats.elements import Elements
from ingest.sources.formats.json_fields import guess_fields
from ingest.sources.formats.lines import MOST_BYTES
from ingest.sources.unpacking.content import UTF8_MARK, Content
from ingest.sources.unpacking.packing import refuse_unreadable

LOOK_AT = 20
"""Records to look at."""

EVENT_KEYS = ("time_us",)
STATUS_KEYS = ("reblogs_count", "spoiler_text")
V1_KEYS = ("statuses", "id_str", "retweeted_status", "extended_tweet", "delete", "limit", "truncated")
V2_KEYS = (
    "data",
    "edit_history_tweet_ids",
    "author_id",
    "matching_rules",
    "referenced_tweets",
    "errors",
    "action",
    "meta",
)
_TELLING = (
    ("jetstream", EVENT_KEYS),
    ("mastodon", STATUS_KEYS),
    ("x-v2", ("data",)),
    ("x-v1", V1_KEYS),
    ("x-v2", V2_KEYS),
)
"""Keys that tell a format, in the order of the search."""
_OF_X = {"created_at", "entities"}
"""Names that X's API gives to further fields; they decide for an object with an `id` and a `text`."""
_ENVELOPE = ("event", "payload")
_ASSIGNED = re.compile(rb"[A-Za-z_$][\w$.]{0,200}\s*=\s*[\[{]")
_GOES_ON = (b"{", b"[", b",", b":")
"""How the first line of a document over many lines ends."""
_KEY = re.compile(r'"((?:[^"\\]|\\.)*)"(\s*:)?|[\[\]{}]', re.DOTALL)


class Detection(NamedTuple):
    """A format, and why."""

    format: str
    why: str
    fields: dict[str, str]
    """Of JSON of any make: where a post is in an object, by role."""
    header: Header | None = None
    """Of a table."""
    document: bool = False
    """Whether its records are in arrays and documents (see `is_document`)."""


AS_IT_IS = FormatOptions()


def detect(content: Content, asked: FormatOptions = AS_IT_IS) -> Detection | None:
    """The format of a content that is not blank, none where it has no records. Raises `UsageError`."""
    if content.broken is not None and not content.head:
        raise _unknown(content, f"it can't be unpacked: {content.broken}")
    if content.parquet:
        return Detection("parquet", "it begins as such files do", {})
    refuse_unreadable(content.head, content.where)
    lines = _first_lines(content.head)
    first = next((line for line in lines if not line.startswith(":")), "")
    if first.startswith(("event:", "data:")):
        return Detection("mastodon", f"it is an event stream: it has a line {first[:40]!r}", {})
    if is_document(content):
        found = _of_document(content, asked)
        return found._replace(document=True) if found else None
    for line in lines:
        if (in_line := _of_json(line, asked, "its lines are JSON objects")) is not None:
            return in_line
    if lines[0].startswith(("{", "[")):
        raise _unknown_json(content, "its first lines are JSON, but not one post or answer a line", lines[0])
    try:
        header = header_of(content.head, asked, content.where)
    except UsageError as error:
        raise _unknown(content, f"no JSON, and as CSV {error.what}", error.next_step) from None
    return Detection("csv", f"its first line names {quantity(header.columns.cells, 'column')}", {}, header)


def is_document(content: Content) -> bool:
    """Whether JSON comes as arrays or documents, over many lines or on one that is too long, not as lines."""
    head = content.head.removeprefix(UTF8_MARK).lstrip()
    if head.startswith(b"[") or _ASSIGNED.match(head):
        return True
    line, end, _ = head.partition(b"\n")
    if not head.startswith(b"{"):
        return False
    return line.rstrip().endswith(_GOES_ON) if end else content.longer and content.has_line_of(MOST_BYTES)


def first_object(content: Content, *, document: bool) -> dict[str, Any] | None:
    """The first JSON object of a content; none where none of the first records is one."""
    texts = _first_records(content.head) if document else _first_lines(content.head)
    return next((found for text in texts if (found := _object(text)) is not None), None)


def _of_document(content: Content, asked: FormatOptions) -> Detection | None:
    records = list(_first_records(content.head))
    for record in records:
        if (found := _of_json(record, asked, "it holds JSON objects")) is not None:
            return found
    if not records:
        return None
    raise _unknown_json(content, "it is JSON, but no posts that are known", records[0])


def _first_records(head: bytes) -> Iterator[str]:
    elements = Elements(_Head(head))
    for _ in range(LOOK_AT):
        record = elements.next()
        if not record:
            return
        yield record.decode(errors="replace")


class _Head(Content):
    """The first bytes of a content as a content."""

    def __init__(self, head: bytes) -> None:
        super().__init__(io.BufferedReader(io.BytesIO(head)), "")


def _first_lines(head: bytes) -> list[str]:
    found: list[str] = []
    for line in head.removeprefix(UTF8_MARK).split(b"\n"):
        if text := line.decode(errors="replace").strip("\ufeff \t\r\n"):
            found.append(text)
            if len(found) == LOOK_AT:
                break
    return found


def _of_json(text: str, asked: FormatOptions, what: str) -> Detection | None:
    record = _object(text)
    if record is None:
        return None
    if asked.fields:
        fields = guess_fields(record, asked.fields)
        return Detection("json", "its fields are named", fields) if fields else None
    if isinstance(inside := record.get("tweet"), dict):
        record = inside
    if (sign := _by_keys(record)) is not None:
        return Detection(sign[0], f"{what} with {sign[1]}", {})
    if (fields := guess_fields(record, {})) is not None:
        return Detection("json", f"{what} with {', '.join(map(repr, fields.values()))}", fields)
    return None


def _by_keys(record: dict[str, Any]) -> tuple[str, str] | None:
    """The format that an object's keys tell, and by which."""
    if all(key in record for key in _ENVELOPE):
        return "mastodon", "'payload'"
    for format_, keys in _TELLING:
        for key in keys:
            if key in record:
                return format_, repr(key)
    timed_otherwise = not _OF_X & record.keys() and "time" in (guess_fields(record, {}) or {})
    return ("x-v2", "'id' and 'text'") if "id" in record and "text" in record and not timed_otherwise else None


def _object(text: str) -> dict[str, Any] | None:
    """A JSON object; of an incomplete one, its keys."""
    try:
        record = json.loads(text)
    except (ValueError, RecursionError):
        return dict.fromkeys(_keys(text)) if text.startswith("{") and len(text) > 65_536 else None
    return record if isinstance(record, dict) else None


def _keys(text: str) -> Iterator[str]:
    depth = 0
    for found in _KEY.finditer(text):
        if found[2] and depth == 1:
            yield found[1]
        elif found[1] is None:
            depth += 1 if found[0] in "{[" else -1


def _unknown_json(content: Content, why: str, text: str) -> UsageError:
    names = ", ".join(map(repr, list(_object(text) or _keys(text))[:20]))
    named = f"; it has {names}" if names else ""
    return _unknown(content, why + named, "Name where a post is, --id-field, --text-field and --time-field")


def _unknown(content: Content, why: str, next_step: str = "") -> UsageError:
    return UsageError(
        f"can't detect the format: {why}",
        where=content.where,
        next_step=". ".join(
            filter(
                None, [next_step, "Or name the format: --format csv, json, parquet, x-v1, x-v2, jetstream or mastodon"]
            )
        ),
    )
