"""Ranges of pages: the words that name them, and the steps to the ranges beside them, whatever the clocks do."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from config.errors import UsageError
from ingest.hours import Hour
from serving.dashboard.pages.links import Links
from serving.dashboard.pages.range_control import clocks_at, range_control
from serving.dashboard.pages.time_range import TimeRange, of_day, of_hour, of_last, of_range
from serving.dashboard.pages.zones import zones_by_region
from serving.dashboard.params import RangeParams, RequestTime
from serving.query.calendar_days import calendar_day
from serving.query.time_expressions import local_text, parse
from serving.query.time_ranges import TimeResolver
from serving.views.documents import HASHTAGS

UTC, PARIS, NEW_YORK = (ZoneInfo(key) for key in ("UTC", "Europe/Paris", "America/New_York"))
ODD = ("Asia/Kathmandu", "America/Havana", "Pacific/Apia", "Australia/Lord_Howe", "Africa/Monrovia", "Asia/Pyongyang")
ZONES = st.sampled_from([UTC, PARIS, NEW_YORK, *map(ZoneInfo, ODD)])
HOURS = st.builds(Hour, st.integers(Hour.parse("1971-06-01T00").serial, Hour.parse("2030-01-01T00").serial))
unhurried = settings(deadline=None, max_examples=60)  # the machine may be busy
NOW = Hour.parse("2017-01-11T15")
NEW_YORK_SKIPS = datetime.fromisoformat("2013-03-10T02")


def asked(tz: ZoneInfo, words: Mapping[str, str]) -> TimeRange:
    resolver = TimeResolver(NOW.start_ms + 1_800_000, tz, lambda _: None)
    return RangeParams(**words).of(RequestTime(tz, resolver), "24h")


@example(Hour.parse("2013-11-03T05"), NEW_YORK)
@example(Hour.parse("2013-11-03T06"), NEW_YORK)
@example(Hour.parse("1971-12-31T00"), ZoneInfo("Africa/Monrovia"))
@unhurried
@given(HOURS, ZONES)
def test_every_hour_has_words_that_name_it_again(hour: Hour, tz: ZoneInfo) -> None:
    assert parse(local_text(hour.start_ms, tz), NOW.start_ms, tz) == hour.start_ms


@unhurried
@given(HOURS, st.integers(1, 400), ZONES)
def test_the_words_of_a_range_name_it_again(since: Hour, hours: int, tz: ZoneInfo) -> None:
    made = of_range(since, since.plus(hours), tz)
    again = asked(tz, made.words)
    assert (again.since, again.until) == (made.since, made.until)


@example(Hour.parse("2013-03-10T05"), 23, NEW_YORK)
@example(Hour.parse("2013-03-03T05"), 168, NEW_YORK)
@unhurried
@given(HOURS, st.integers(1, 400), ZONES)
def test_the_ranges_beside_one_touch_it_and_lead_back(since: Hour, hours: int, tz: ZoneInfo) -> None:
    made = of_range(since, since.plus(hours), tz)
    before, after = made.before(), made.after(Hour.parse("2040-01-01T00"))
    assert after is not None
    overlap = 1 if made.form == "date" else 0  # where days do not begin with a UTC hour, two of them share one
    assert 0 <= before.until.serial - made.since.serial <= overlap
    assert 0 <= made.until.serial - after.since.serial <= overlap
    back = before.after(Hour.parse("2040-01-01T00"))
    assert back is not None
    assert back.words == made.words or made.form == "range"


@unhurried
@given(st.dates(date(1972, 1, 2), date(2030, 1, 1)), st.integers(1, 14), st.sampled_from([UTC, PARIS, NEW_YORK]))
def test_whole_days_lead_to_whole_days_over_a_change_of_the_clocks(first: date, days: int, tz: ZoneInfo) -> None:
    dates = (first, first + timedelta(days=days))
    hours = [Hour.of(calendar_day(each, tz).first) for each in dates]
    before = of_range(hours[0], hours[1], tz).before()
    assert before.until == hours[0]
    assert before.since == Hour.of(calendar_day(first - timedelta(days=days), tz).first)


def test_a_step_keeps_the_form() -> None:
    day = of_day(calendar_day(date(2011, 12, 31), ZoneInfo("Pacific/Apia")), ZoneInfo("Pacific/Apia"))
    assert day.before().words == {"date": "2011-12-29"}, "its calendar has no 30th"
    assert of_hour(NOW, UTC).before().words == {"hour": "2017-01-11T14"}
    assert of_last("24h", NOW, UTC).before().words == {"since": "2017-01-09T15", "until": "2017-01-10T15"}
    week = of_range(Hour.parse("2013-03-08T05"), Hour.parse("2013-03-15T04"), NEW_YORK)
    assert week.before().words == {"since": "2013-03-01", "until": "2013-03-08"}
    assert of_range(Hour.parse("2013-03-10T05"), Hour.parse("2013-03-11T04"), NEW_YORK).words == {"date": "2013-03-10"}


def test_no_step_leads_into_the_future() -> None:
    assert of_last("24h", NOW, UTC).after(NOW) is None
    assert of_hour(NOW, UTC).after(NOW) is None
    after = of_hour(NOW.plus(-1), UTC).after(NOW)
    assert after is not None
    assert after.since == NOW
    today = of_day(calendar_day(date(2017, 1, 11), UTC), UTC)
    assert today.after(NOW) is None
    assert today.begun(NOW) == (Hour.parse("2017-01-11T00"), NOW.plus(1))
    assert of_day(calendar_day(date(2017, 1, 12), UTC), UTC).begun(NOW) == (
        Hour.parse("2017-01-12T00"),
        Hour.parse("2017-01-12T01"),
    )


def test_the_last_24_hours_are_24_and_the_one_in_progress() -> None:
    hours = of_last("24h", NOW, UTC)
    assert (hours.hours, hours.since, hours.until) == (24, NOW.plus(-24), NOW.plus(1))


@pytest.mark.parametrize(
    ("words", "what"),
    [
        ({"last": "24h", "date": "2017-01-06"}, "--last and --date exclude each other"),
        ({"since": "2017-01-06", "until": "2017-01-06"}, "the end is not after the beginning"),
        ({"until": "2017-01-06"}, "--until needs --since"),
        ({"last": "soon"}, "unrecognized time span"),
    ],
)
def test_words_that_name_no_hours_are_refused(words: dict[str, str], what: str) -> None:
    with pytest.raises(UsageError, match=what):
        asked(UTC, words)


def test_a_time_that_comes_twice_has_a_second_field() -> None:
    links = Links(NEW_YORK, HASHTAGS)
    control = range_control(of_range(Hour.parse("2013-11-03T06"), Hour.parse("2013-11-04T05"), NEW_YORK), NOW, links)
    assert [(each.offset, each.label) for each in control.since.clocks] == [
        ("-04:00", "01:00 EDT"),
        ("-05:00", "01:00 EST"),
    ]
    assert (control.since.value, control.since.chosen, control.until.clocks) == ("2013-11-03T01:00", "-05:00", ())
    skipped = clocks_at(NEW_YORK_SKIPS, NEW_YORK)
    assert [each.label for each in skipped] == ["03:00 EDT", "01:00 EST"]


def test_links_lead_to_the_page_of_the_range() -> None:
    links = Links(PARIS, HASHTAGS, "/below")
    hour = of_range(NOW, NOW.plus(1), PARIS)
    assert links.range(hour) == "/below/hour/2017-01-11T15?tz=Europe%2FParis"
    assert links.range(of_last("1h", NOW, PARIS)) == "/below/?tz=Europe%2FParis"
    assert links.range(of_last("7d", NOW, PARIS)) == "/below/day?last=7d&tz=Europe%2FParis"
    assert links.range(hour, ["a", "b"]).startswith("/below/tag?name=a&name=b&since=2017-01-11T16&until=")


def test_zones_are_in_regions_and_each_is_there_once() -> None:
    keys = [each.key for _, cities in zones_by_region() for each in cities]
    assert {"Europe/Paris", "America/Argentina/Ushuaia", "Asia/Kathmandu"} <= set(keys)
    assert len(keys) == len(set(keys)) > 300
    assert not [key for key in keys if key.startswith(("Etc/", "US/", "posix"))]
    assert dict(zones_by_region())["America"][0].city == "Adak"
