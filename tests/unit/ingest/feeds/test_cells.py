"""Types of columns, event times and canonical JSON, case by case."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from config.errors import BadRecordError, UsageError
from ingest.feeds.declaration.model import Column
from ingest.feeds.event_time import event_time
from ingest.feeds.rows.canonical_json import decode, json_text
from ingest.feeds.rows.expressions import Scope, compile_expression, compile_search
from ingest.feeds.rows.types import converter
from tests.support.jsonb_text import as_jsonb_prints

MOMENT = 1_700_430_704_000
SCOPE = Scope({"a": {"b": 1}, "Brand Name": "x"}, b"k", MOMENT, 2, 7, "t", 5, 6)


def cell(type_: str, value: Any, **more: str) -> Any:
    return converter(Column.model_validate({"from": "x", "type": type_} | more))(value)


@pytest.mark.parametrize(
    ("type_", "value", "expected"),
    [
        ("string", "  OnePlus ", "OnePlus"),
        ("string", "   ", None),
        ("string", 7, "7"),
        ("string", True, "true"),
        ("string", {"b": 1, "a": [None]}, '{"a":[null],"b":1}'),
        ("string", b" key ", "key"),
        ("int", "2,499", 2499),
        ("int", "-1,234,567", -1_234_567),
        ("int", "12.0", 12),
        ("int", 12.0, 12),
        ("int", " ", None),
        ("bigint", "9007199254740993", 9_007_199_254_740_993),
        ("bigint", "9007199254740993.0", 9_007_199_254_740_993),
        ("bigint", -(2**63), -(2**63)),
        ("double", "4,142.5", 4142.5),
        ("double", 3, 3.0),
        ("double", ".5", 0.5),
        ("boolean", "OUI", True),
        ("boolean", "non", False),
        ("boolean", 0, False),
        ("boolean", 1.0, True),
        ("boolean", "", None),
        ("timestamp", 1_700_430_704, datetime(2023, 11, 19, 21, 51, 44, tzinfo=UTC)),
        ("timestamp", MOMENT, datetime(2023, 11, 19, 21, 51, 44, tzinfo=UTC)),
        ("timestamp", MOMENT * 1000, datetime(2023, 11, 19, 21, 51, 44, tzinfo=UTC)),
        ("timestamp", "2024-04-22T14:23:33+00:00", datetime(2024, 4, 22, 14, 23, 33, tzinfo=UTC)),
        ("date", "2024-04-22", date(2024, 4, 22)),
        ("json", " a ", '" a "'),
        ("json", None, None),
        ("json", b'{"b":1.0,"a":2}', '{"a":2,"b":1}'),
        ("bytes", "é", "é".encode()),
        ("bytes", [1], b"[1]"),
    ],
)
def test_a_value_that_fits_becomes_a_cell(type_: str, value: Any, expected: Any) -> None:
    found = cell(type_, value)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("type_", "value", "reason"),
    [
        ("int", "cheap", "'cheap' is no number"),
        ("int", "1_000", "'1_000' is no number"),
        ("int", "12,34", "'12,34' is no number"),
        ("int", "0x10", "'0x10' is no number"),
        ("int", "１２", "'１２' is no number"),
        ("int", 1.5, "1.5 is no whole number"),
        ("int", 2**31, "2147483648 does not fit into 32 bits"),
        ("bigint", 2**63, "9223372036854775808 does not fit into 64 bits"),
        ("bigint", "1e999999999", "'1e999999999' is too large"),
        ("int", True, "True is no number"),
        ("int", [1], "[1] is no number"),
        ("double", "1e400", "'1e400' is too large"),
        ("double", "nan", "'nan' is no number"),
        ("double", 10**400, "is too large"),
        ("double", float("inf"), "inf is no number"),
        ("boolean", "vielleicht", "'vielleicht' is no boolean"),
        ("boolean", 2, "2 is no boolean"),
        ("timestamp", "yesterday", "a time that can't be understood"),
        ("timestamp", 10**30, "no event time"),
        ("timestamp", {}, "{} is no moment"),
        ("string", b"\xff", "not UTF-8 at byte 0"),
        ("json", b"{", "not JSON"),
    ],
)
def test_a_value_that_does_not_fit_is_a_reject_with_the_reason(type_: str, value: Any, reason: str) -> None:
    with pytest.raises(BadRecordError) as refusal:
        cell(type_, value)
    assert reason in refusal.value.reason


def test_a_zone_gives_its_wall_clock_and_the_hour_that_comes_twice_twice() -> None:
    before, after = (datetime(2024, 10, 27, hour, 30, tzinfo=UTC) for hour in (0, 1))
    cells = [cell("timestamp", each.timestamp(), zone="Europe/Paris") for each in (before, after)]
    assert cells == [datetime(2024, 10, 27, 2, 30), datetime(2024, 10, 27, 2, 30)]  # noqa: DTZ001 - a wall clock
    spring = datetime(2024, 3, 31, 1, 0, tzinfo=UTC).timestamp()
    assert cell("string", spring, zone="Europe/Paris", format="%Y-%m-%d %H:%M:%S") == "2024-03-31 03:00:00"
    assert cell("string", MOMENT, zone="Europe/Paris") == "2023-11-19T22:51:44"


@pytest.mark.parametrize("zone", ["Europe/Paris", "Australia/Lord_Howe", "America/St_Johns", "UTC"])
def test_a_wall_clock_is_the_same_on_the_short_way_and_on_the_long_one(zone: str) -> None:
    wall_clock = converter(Column.model_validate({"from": "x", "type": "timestamp", "zone": zone}))
    for seconds in range(0, 2 * 7_258_118_400, 86_400 * 13 + 1_799):
        assert wall_clock(seconds) == wall_clock(float(seconds)), seconds


def test_a_date_is_that_of_the_zone_and_a_text_without_a_time_stays_the_day_that_it_names() -> None:
    assert cell("date", "2024-04-22T23:30:00Z", zone="Europe/Paris") == date(2024, 4, 23)
    assert cell("date", "2024-04-22", zone="America/New_York") == date(2024, 4, 22)


@pytest.mark.parametrize("year", ["0001", "9999"])
def test_a_moment_at_the_edge_of_the_calendar_is_a_cell_or_a_reject(year: str) -> None:
    for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago"):
        for day in ("01-01T00:00:00Z", "12-31T23:59:59Z"):
            try:
                assert isinstance(cell("timestamp", f"{year}-{day}", zone=zone), datetime)
            except BadRecordError as error:
                assert "out of range" in error.reason


@pytest.mark.parametrize("spelling", ["1", "1.0", "10e-1", "1E0", "0.1e1"])
def test_equal_numbers_have_one_spelling(spelling: str) -> None:
    assert json_text(decode(spelling.encode())) == "1"


@pytest.mark.parametrize(
    "text",
    [
        '{"b":[1.50,1e22,-0.0,5e-324],"a":{"z":1,"y":"\\u0000é"}}',
        "123456789012345678901234567890",
        "1.7e308",
        '"\\u00e9"',
    ],
)
def test_a_value_that_comes_back_from_jsonb_has_the_same_text(text: str) -> None:
    direct = json_text(decode(text.encode()))
    assert json_text(decode(as_jsonb_prints(direct).encode())) == direct


@pytest.mark.parametrize(
    "value",
    [b"", b"{", b"NaN", b"1e400", b'"\\ud800"', b'{"\\udc00":1}', b"\xff", b"[" * 100_000, b"1" * 5_000, b"{'a':1}"],
)
def test_bytes_that_are_no_json_are_a_reject(value: bytes) -> None:
    with pytest.raises(BadRecordError):
        decode(value)


def test_of_two_equal_keys_the_last_counts() -> None:
    assert decode(b'{"a":1,"a":2}') == {"a": 2}


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        (1_700_430_704, MOMENT),
        (1_700_430_704.5, MOMENT + 500),
        ("1700430704", MOMENT),
        (MOMENT, MOMENT),
        (MOMENT * 1000, MOMENT),
        (" 2023-11-19T22:51:44+01:00 ", MOMENT),
        ("Sun, 19 Nov 2023 21:51:44 GMT", MOMENT),
    ],
)
def test_an_event_time_may_count_seconds_or_milliseconds_or_be_a_text(value: Any, moment: int) -> None:
    assert event_time(value) == moment


@pytest.mark.parametrize("value", [None, True, [], {}, "soon", float("nan"), ""])
def test_a_value_without_a_moment_is_no_event_time(value: Any) -> None:
    with pytest.raises(BadRecordError):
        event_time(value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$offset", 7),
        ("$partition", 2),
        ("$key", b"k"),
        ("$at", MOMENT),
        ("$sent", 5),
        ("$now", 6),
        ("$topic", "t"),
        ("a.b", 1),
        ("a.b.c", None),
        ("nothing", None),
        ('"Brand Name"', "x"),
        ("{x: a.b}", {"x": 1}),
        ("to_string(a.b)", "1"),
    ],
)
def test_an_expression_reads_the_record_or_its_coordinates(text: str, expected: Any) -> None:
    assert compile_expression(text)(SCOPE) == expected


@pytest.mark.parametrize(
    "text", ["$offsets", "a[", "", "nosuch(a)", "length()", "length(a, b)", "&a", '`"\\ud800"`', "a b", "a\x00"]
)
def test_an_expression_that_can_never_work_does_not_compile(text: str) -> None:
    with pytest.raises(UsageError):
        compile_expression(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [("abs(a)", {"a": "x"}), ("sum(@)", [1e308, 1e308]), ("to_number(@)", "1e400"), ("{a: to_number(@)}", "nan")],
)
def test_an_expression_that_fails_on_a_record_is_a_reject(text: str, value: Any) -> None:
    with pytest.raises(BadRecordError):
        compile_search(text)(value)
