"""Hours: UTC, half-open, and which times may open one."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.errors import BadRecordError, UsageError
from ingest.hours import EARLIEST_MS, HOUR_MS, Hour, check_event_time, millis, moment_of

MOMENTS = st.integers(min_value=0, max_value=250_000_000_000_000)


@given(MOMENTS)
def test_a_moment_lies_in_its_hour_and_in_no_other(moment: int) -> None:
    hour = Hour.of(moment)
    assert hour.start_ms <= moment < hour.end_ms
    assert hour.end_ms == hour.plus(1).start_ms


@given(MOMENTS)
def test_an_hour_is_read_as_it_is_written(moment: int) -> None:
    hour = Hour.of(moment)
    assert Hour.parse(str(hour)) == hour
    assert str(hour) == moment_of(moment).strftime("%Y-%m-%dT%H")


@given(MOMENTS, MOMENTS)
def test_hours_order_as_their_names_do(one: int, other: int) -> None:
    assert (Hour.of(one) < Hour.of(other)) == (str(Hour.of(one)) < str(Hour.of(other)))


@given(MOMENTS)
def test_milliseconds_and_moments_are_each_others_inverse(moment: int) -> None:
    assert millis(moment_of(moment)) == moment


@pytest.mark.parametrize(
    "text", ["", "2017", "2017-01-06T24", "2017-02-30T00", "2017-01-06T07:00", "../..", "２０17-01-06T07"]
)
def test_what_is_no_hour_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        Hour.parse(text)


def test_the_last_millisecond_belongs_to_the_hour_and_the_next_does_not() -> None:
    end = millis(datetime(2017, 1, 6, 8, tzinfo=UTC))
    assert str(Hour.of(end - 1)) == "2017-01-06T07"
    assert str(Hour.of(end)) == "2017-01-06T08"


def test_times_before_2006_and_far_ahead_are_refused() -> None:
    now = millis(datetime(2026, 1, 1, tzinfo=UTC))
    check_event_time(now + 300_000, now, 300_000)
    check_event_time(EARLIEST_MS, now, 0)
    for wrong in (EARLIEST_MS - 1, now + 300_001, -HOUR_MS, millis(datetime(2262, 4, 12, tzinfo=UTC))):
        with pytest.raises(BadRecordError):
            check_event_time(wrong, now, 300_000)
