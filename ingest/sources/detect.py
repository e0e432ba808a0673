"""Which format a file has: told by its first lines, never by its name."""

import json
from pathlib import Path
from typing import Any, NamedTuple

from config.errors import BadRecordError, UsageError
from ingest.sources.csv_rows import columns_of
from ingest.sources.lines import BROKEN, Lines

LOOK_AT = 20
"""Lines looked at."""

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
"""Keys that tell a format, in the order in which they are looked for."""


class Detected(NamedTuple):
    """A format, and why."""

    format: str
    why: str


def detect(path: Path, asked_columns: dict[str, str]) -> Detected:
    """The format of a file. Raises `UsageError` where it can't be told."""
    lines = _first_lines(path)
    if not lines:
        return Detected("csv", "it is empty")
    first = next((line for line in lines if not line.startswith(":")), "")
    if first.startswith(("event:", "data:")):
        return Detected("mastodon", f"it is an event stream: it has a line {first[:40]!r}")
    for line in lines:
        if (found := _of_json(line)) is not None:
            return found
    if lines[0].startswith(("{", "[")):
        raise _unknown(path, "its first lines are JSON, but not one post or answer a line")
    try:
        columns = columns_of(lines[0].encode(), asked_columns, "", str(path))
    except UsageError as error:
        raise _unknown(path, f"no JSON, and as CSV {error.what}") from None
    return Detected("csv", f"its first line names {columns.cells} columns")


def _first_lines(path: Path) -> list[str]:
    lines = Lines(path)
    found: list[str] = []
    try:
        for _ in range(LOOK_AT):
            line = lines.next()
            if not line:
                break
            if line.startswith((b"\xff\xfe", b"\xfe\xff")):
                raise BadRecordError("it is UTF-16")
            if text := line.decode(errors="replace").strip("\ufeff \t\r\n"):
                found.append(text)
    except BadRecordError as error:
        raise _unknown(path, error.reason) from None
    except BROKEN as error:
        if not found:
            raise _unknown(path, f"it can't be unpacked: {error}") from None
    finally:
        lines.close()
    return found


def _of_json(line: str) -> Detected | None:
    try:
        record: Any = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(record, dict):
        return None
    for format_, keys in _TELLING:
        for key in keys:
            if key in record:
                return Detected(format_, f"its lines are JSON objects with {key!r}")
    if "id" in record and "text" in record:
        return Detected("x-v2", "its lines are JSON objects with 'id' and 'text'")
    return None


def _unknown(path: Path, why: str) -> UsageError:
    return UsageError(
        f"can't tell the format: {why}",
        where=str(path),
        next_step="Name it: --format csv, x-v1, x-v2, jetstream or mastodon",
    )
