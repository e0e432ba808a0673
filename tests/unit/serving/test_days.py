"""A day in zones whose clocks change at midnight: from its first to its last moment."""

from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.errors import UsageError
from ingest.hours import HOUR_MS, Hour, millis, moment_of
from serving.query.calendar_days import calendar_day, date_at
from serving.query.time_expressions import parse
from serving.query.time_ranges import TimeResolver

NOW = Hour.parse("2026-01-01T00").start_ms
CHANGES = [
    ("America/Havana", "2018-03-11", "2018-03-11T05:00", 23),  # midnight is skipped
    ("America/Havana", "2018-11-04", "2018-11-04T04:00", 25),  # midnight comes twice
    ("Asia/Beirut", "2023-03-26", "2023-03-25T22:00", 23),
    ("Asia/Beirut", "2022-03-27", "2022-03-26T22:00", 23),
    ("Asia/Beirut", "2022-10-29", "2022-10-28T21:00", 25),
    ("America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00", 23),
    ("America/Sao_Paulo", "2018-02-17", "2018-02-17T02:00", 25),
    ("Africa/Cairo", "2023-04-28", "2023-04-27T22:00", 23),
    ("Africa/Cairo", "2023-10-26", "2023-10-25T21:00", 25),
    ("Asia/Gaza", "2016-03-26", "2016-03-25T22:00", 23),
    ("America/Santiago", "2019-09-08", "2019-09-08T04:00", 23),
    ("Pacific/Apia", "2011-12-29", "2011-12-29T10:00", 24),
    ("Pacific/Apia", "2011-12-31", "2011-12-30T10:00", 24),
    ("Europe/Paris", "2017-03-26", "2017-03-25T23:00", 23),
]


@pytest.mark.parametrize(("zone", "day", "first", "hours"), CHANGES)
def test_a_day_is_from_its_first_moment_to_its_last(zone: str, day: str, first: str, hours: int) -> None:
    tz = ZoneInfo(zone)
    found = calendar_day(date.fromisoformat(day), tz)
    assert moment_of(found.first).strftime("%Y-%m-%dT%H:%M") == first
    assert found.after - found.first == hours * HOUR_MS
    assert parse(day, NOW, tz) == found.first
    assert TimeResolver(NOW, tz, print).day(day) == (Hour.of(found.first), Hour.of(found.after))


def test_the_day_of_two_midnights_of_goose_bay_holds_all_of_its_moments() -> None:
    """The clocks went from 00:01 back to 23:01: the last minute of a day came after the first of the next."""
    before, after = (calendar_day(date(2010, 11, day), ZoneInfo("America/Goose_Bay")) for day in (6, 7))
    assert before.after - after.first == HOUR_MS


def test_a_date_that_the_calendar_leaves_out_is_refused_with_the_next_one() -> None:
    apia = ZoneInfo("Pacific/Apia")
    for ask in (lambda: parse("2011-12-30", NOW, apia), lambda: TimeResolver(NOW, apia, print).day("2011-12-30")):
        with pytest.raises(UsageError, match=r"has no 2011-12-30\. Write 2011-12-31"):
            ask()


def test_words_for_days_mean_days_on_a_day_without_midnight() -> None:
    havana = ZoneInfo("America/Havana")
    sunday = calendar_day(date(2018, 3, 11), havana)
    for moment in (sunday.first, sunday.after - 1):
        assert {parse(word, moment, havana) for word in ("today", "sunday", "2018-03-11")} == {sunday.first}
    assert parse("yesterday", sunday.after, havana) == sunday.first
    assert parse("sunday", sunday.after + 1, havana) == sunday.first


@given(
    st.sampled_from([zone for zone, *_ in CHANGES] + ["Asia/Kathmandu", "Australia/Lord_Howe", "Africa/Monrovia"]),
    st.dates(date(1970, 1, 3), date(2037, 12, 31)),
)
def test_every_moment_of_a_day_shows_its_date_at_both_ends(zone: str, day: date) -> None:
    tz = ZoneInfo(zone)
    try:
        found = calendar_day(day, tz)
    except UsageError:
        return
    assert date_at(found.first, tz) == date_at(found.after - 1, tz) == day
    assert date_at(found.first - 1, tz) != day != date_at(found.after, tz)
    assert (
        abs(found.first - millis(moment_of(0)) - (day - date(1970, 1, 1)) // timedelta(milliseconds=1)) < 15 * HOUR_MS
    )
