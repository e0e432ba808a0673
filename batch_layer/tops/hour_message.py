"""The message of one finished hour: its key and its JSON. Pure. `docs/tops.md` states the schema."""

from typing import Any

import msgspec

from ingest.hours import Hour, iso, millis
from serving.views.documents import HourDocument, RowDocument, is_final
from serving.views.fitting import fitting

SCHEMA = 1
MOST_ROWS = 100
MOST_BYTES = 900_000
"""Limit of the rows, below the largest message that a topic takes by default."""


def key_of(hour: str) -> bytes:
    """The key: `2017-01-06T07`."""
    return hour.encode()


def value_of(document: HourDocument) -> bytes:
    """The value: JSON in UTF-8."""
    hour = Hour.parse(document["hour"])
    rows = list(fitting(map(_row, document["top"][:MOST_ROWS]), _size, MOST_BYTES))
    message: dict[str, Any] = {
        "schema": SCHEMA,
        "hour": document["hour"],
        "since": iso(hour.start_ms),
        "until": iso(hour.end_ms),
        "state": "final" if is_final(document) else "provisional",
        "rule": document["rule"],
        "run": document["run"],
        "token": document["token"],
        "computed_at": iso(millis(document["computed_at"])),
        "posts": document["posts"],
        "uses": document["uses"],
        "tags": document["tags"],
        "top": rows,
    }
    return msgspec.json.encode(message)


def _row(row: RowDocument) -> dict[str, Any]:
    return {"tag": row["tag"], "shown": row["shown"], "count": row["count"]}


def _size(row: dict[str, Any]) -> int:
    """Bytes of a row in a message, with the comma after it."""
    return len(msgspec.json.encode(row)) + 1
