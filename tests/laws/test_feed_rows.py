"""Rows of feeds: each JSON value becomes a cell of the column's type, null or a reject; its text never changes."""

import json
from datetime import date, datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from config.errors import BadRecordError
from ingest.feeds.declaration.model import Column
from ingest.feeds.event_time import event_time
from ingest.feeds.rows.canonical_json import decode, json_text
from ingest.feeds.rows.types import converter

unhurried = settings(deadline=None)  # the machine may be busy
SPECIAL = ["", " ", "2,499", "OUI", "1e400", "-0", "1e999999999", "2024-10-27T02:30:00", "NaN", "\x00", "9999-12-31"]
TEXTS = st.text(max_size=30) | st.sampled_from(SPECIAL)
NUMBERS = st.integers() | st.integers(-(2**70), 2**70) | st.floats() | st.integers(10**300, 10**301)
SCALARS = st.none() | st.booleans() | NUMBERS | TEXTS
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4), max_leaves=12
)
KINDS: dict[str, type] = {
    "string": str, "int": int, "bigint": int, "double": float, "boolean": bool, "timestamp": datetime, "date": date,
    "json": str, "bytes": bytes,
}  # fmt: skip
ZONES = [None, "Europe/Paris", "Pacific/Kiritimati"]
COLUMNS = [
    Column.model_validate({"from": "x", "type": kind, "zone": zone, "format": pattern})
    for kind in KINDS
    for zone in (ZONES if kind in ("timestamp", "date", "string") else [None])
    for pattern in ([None, "%d.%m.%Y"] if kind == "string" else [None])
]


@settings(max_examples=600, deadline=None)
@given(column=st.sampled_from(COLUMNS), value=VALUES | st.binary(max_size=20))
def test_a_value_becomes_a_cell_of_the_type_null_or_a_reject(column: Column, value: Any) -> None:
    try:
        cell = converter(column)(value)
    except BadRecordError as error:
        assert error.reason
        return
    if cell is None:
        assert value is None or (isinstance(value, str | bytes) and (not value.strip() or value == b"null"))
        return
    assert type(cell) is KINDS[column.type]
    if isinstance(cell, datetime):
        assert (cell.tzinfo is None) == (column.zone is not None)
    if column.type in ("int", "bigint"):
        limit = 2**31 if column.type == "int" else 2**63
        assert isinstance(cell, int)
        assert -limit <= cell < limit
    if column.type == "json":
        decode(str(cell).encode())


@unhurried
@given(value=VALUES)
def test_an_event_time_is_a_whole_number_or_a_reject(value: Any) -> None:
    try:
        assert type(event_time(value)) is int
    except BadRecordError as error:
        assert error.reason


@unhurried
@given(value=VALUES)
def test_the_text_of_a_value_is_the_same_after_any_number_of_stages(value: Any) -> None:
    try:
        sent = decode(json.dumps(value, indent=1).encode())
    except BadRecordError:
        return
    text = json_text(sent)
    again = decode(text.encode())
    assert json_text(again) == text
    assert json_text(decode(json.dumps(again, sort_keys=False, ensure_ascii=True).encode())) == text


@unhurried
@given(value=st.binary(max_size=60))
def test_bytes_are_json_or_a_reject(value: bytes) -> None:
    try:
        json_text(decode(value))
    except BadRecordError as error:
        assert error.reason
