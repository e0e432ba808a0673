"""Rows of feeds: each JSON value becomes a cell of the column's type, null or a reject; its text never changes."""

import json
from datetime import date, datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from config.errors import BadRecordError
from ingest.feeds.declaration.model import Column, Feed
from ingest.feeds.event_time import event_time
from ingest.feeds.rows.canonical_json import decode, json_text
from ingest.feeds.rows.row_reader import RowReader
from ingest.feeds.rows.types import converter
from ingest.kafka.message import Message
from tests.support.jsonb_text import as_jsonb_prints

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

SENT = 1_760_000_000_000
MOMENTS = [1_700_430_704, 1_729_989_000_000, "2024-10-27T02:30:00+02:00", SENT + 300_000, SENT + 300_001]
COORDINATES = {"p": {"from": "$partition", "type": "int"}, "o": {"from": "$offset", "type": "bigint"}}
RECORD = {"value": {"from": "$value", "type": "json"}}
STAGES = Feed.model_validate(
    {
        "about": "",
        "zone": "Europe/Paris",
        "source": {"type": "file", "path": "a", "format": "json", "at": "at"},
        "topic": {"name": "t"},
        "sinks": {
            "table": {"type": "postgres", "table": "a", "columns": COORDINATES | RECORD},
            "file": {"type": "hdfs", "from": "table", "root": "/a", "format": "json", "columns": RECORD},
            "text": {
                "type": "hdfs", "from": "table", "root": "/c",
                "columns": {"value": {"from": "$value", "type": "string"}},
            },
            "last": {
                "type": "hive", "from": "file", "table": "b", "by": "day",
                "columns": {
                    "text": {"from": "$value", "type": "string"},
                    "at": {"from": "$at", "type": "timestamp", "zone": "Europe/Paris"},
                    "n": {"from": "n", "type": "string"},
                    "x": {"from": "{x: x, n: n}", "type": "json"},
                } | COORDINATES | RECORD,
            },
        },
    }
)  # fmt: skip
"""A table, from it a file, from that another table."""


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


@settings(max_examples=300, deadline=None)
@given(
    value=VALUES | st.dictionaries(st.sampled_from(["at", "n", "x"]), VALUES | st.sampled_from(MOMENTS)),
    layout=st.sampled_from([None, 1]),
)
def test_a_stage_that_reads_a_table_or_a_file_gives_the_rows_of_one_that_reads_kafka(value: Any, layout: Any) -> None:
    message = Message(2, 7, json.dumps(value, indent=layout).encode(), b"key", SENT)
    straight = read("last", message)
    table = read("table", message)
    if isinstance(table, str):
        assert straight == table
        return
    from_table = message._replace(
        value=as_jsonb_prints(handed_on(table[1].cells[2]).decode()).encode(), key=None, sent_at=0
    )
    assert read("last", from_table) == straight
    for sink in ("file", "text"):
        file = read(sink, from_table)
        assert not isinstance(file, str)
        assert read("last", from_table._replace(value=handed_on(file[1].cells[0]))) == straight


def handed_on(cell: Any) -> bytes:
    """The record as another stage reads it: a table and a file have null for the value null."""
    return b"null" if cell is None else cell.encode()


def read(sink: str, message: Message) -> Any:
    """The row, or the reason for a reject."""
    try:
        return RowReader(STAGES, sink, "t").read(message, SENT + 1)
    except BadRecordError as error:
        return error.reason


@unhurried
@given(value=st.binary(max_size=60))
def test_bytes_are_json_or_a_reject(value: bytes) -> None:
    try:
        json_text(decode(value))
    except BadRecordError as error:
        assert error.reason
