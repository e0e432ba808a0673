"""Moments that people type."""

from zoneinfo import ZoneInfo

import pytest

from config.errors import UsageError
from ingest.hours import Hour, millis, moment_of
from serving.query.time_expressions import parse, span, zone

UTC = ZoneInfo("UTC")
PARIS = ZoneInfo("Europe/Paris")
NOW = Hour.parse("2017-01-11T15").start_ms + 20 * 60_000
"""A Wednesday, 15:20 UTC, 16:20 in Paris."""


@pytest.mark.parametrize(
    ("text", "tz", "meant"),
    [
        ("2017-01-06T07", UTC, "2017-01-06T07:00"),
        ("2017-01-06T07", PARIS, "2017-01-06T06:00"),
        ("2017-07-06T07", PARIS, "2017-07-06T05:00"),
        ("2017-01-06T07:00+01:00", UTC, "2017-01-06T06:00"),
        ("2017-01-06T07:30Z", PARIS, "2017-01-06T07:30"),
        ("2017-01-06", PARIS, "2017-01-05T23:00"),
        ("now", UTC, "2017-01-11T15:20"),
        ("now-3h", UTC, "2017-01-11T12:20"),
        ("NOW-2d", PARIS, "2017-01-09T15:20"),
        ("monday-7h", UTC, "2017-01-09T07:00"),
        ("monday-7h", PARIS, "2017-01-09T06:00"),
        ("wednesday-15h", UTC, "2017-01-11T15:00"),
        ("wednesday-16h", UTC, "2017-01-04T16:00"),
        ("wednesday-16h", PARIS, "2017-01-11T15:00"),
        ("thursday", UTC, "2017-01-05T00:00"),
        ("yesterday-18h", UTC, "2017-01-10T18:00"),
        ("today-7h30", UTC, "2017-01-11T07:30"),
    ],
)
def test_what_is_typed_means_one_moment(text: str, tz: ZoneInfo, meant: str) -> None:
    assert moment_of(parse(text, NOW, tz)).strftime("%Y-%m-%dT%H:%M") == meant


@pytest.mark.parametrize(
    "text",
    [
        "", "soon", "monday-25h", "2017-13-01", "2017-01-06T25", "now+3h", "now-3y", "tomorrow-7h", "0001-01-01",
        "9999-01-01", "2262-04-11", "now-999999w", "١٢", "2017-01-06T07\n2017", "$inc", "../..", "x" * 10_000,
    ],
)  # fmt: skip
def test_what_can_not_be_understood_is_refused_with_examples(text: str) -> None:
    with pytest.raises(UsageError, match="monday-7h") as refused:
        parse(text, NOW, UTC)
    assert len(str(refused.value)) < 300


@pytest.mark.parametrize(
    ("text", "offsets"), [("2017-03-26T02:30", ("+01:00", "+02:00")), ("2017-10-29T02:30", ("+02:00", "+01:00"))]
)
def test_a_local_time_that_the_clocks_skip_or_repeat_is_refused(text: str, offsets: tuple[str, str]) -> None:
    with pytest.raises(UsageError) as refused:
        parse(text, NOW, PARIS)
    assert all(offset in str(refused.value) for offset in offsets)


def test_a_weekday_is_a_wall_clock_time_across_a_change_of_the_clocks() -> None:
    after_the_change = millis(moment_of(Hour.parse("2017-03-28T12").start_ms))
    assert str(Hour.of(parse("saturday-7h", after_the_change, PARIS))) == "2017-03-25T06"
    assert str(Hour.of(parse("monday-7h", after_the_change, PARIS))) == "2017-03-27T05"


def test_spans_are_lengths_of_time() -> None:
    assert (span("1h"), span("90m"), span("7d")) == (3_600_000, 5_400_000, 7 * 86_400_000)
    for wrong in ("", "0h", "-1h", "1y", "h"):
        with pytest.raises(UsageError):
            span(wrong)


def test_an_unknown_zone_is_refused() -> None:
    assert zone("Europe/Paris") == PARIS
    for wrong in ("Mars/Olympus", "../../etc/passwd", ""):
        with pytest.raises(UsageError, match="Europe/Paris"):
            zone(wrong)
