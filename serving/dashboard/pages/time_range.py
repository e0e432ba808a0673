"""Time range: the hours that a page is about, as its URL names them, and the ranges before and after it. Pure.

Promises
    A range has one of four forms, in the words of the command line: `last`, `date`, `since` with `until`, and `hour`,
    which has a page of its own. Its `words` name the same hours again; those of `last` end with the hour in progress.
    A step goes by the length of the range: from an hour to the next hour, from a day to the next day of the calendar,
    from whole days to as many whole days, and from all others to as many hours. A range that has not begun yet is no
    next one.
"""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from zoneinfo import ZoneInfo

from config.errors import UsageError
from config.quantity import quantity
from ingest.hours import Hour
from serving.query.calendar_days import CalendarDay, calendar_day, date_at
from serving.query.time_expressions import hours_in, local_text

Form = Literal["last", "date", "range", "hour"]

LAST_HOUR = {"last": "1h"}
"""The words of the hour in progress and the one before: of the first page."""


@dataclass(frozen=True)
class TimeRange:
    """Hours of one time zone."""

    form: Form
    since: Hour
    until: Hour
    """Exclusive; of a day or a range that goes on it lies in the future."""
    tz: ZoneInfo
    words: Mapping[str, str]
    """Parameters of a URL that name these hours."""

    @property
    def hours(self) -> int:
        """Its length; `last` counts the hours before the one in progress."""
        return self.until.serial - self.since.serial - (self.form == "last")

    @property
    def label(self) -> str:
        """`2013-04-15`, `20:00`, `24 hours`."""
        if self.form == "date":
            return self.words["date"]
        if self.form == "hour":
            return f"{self.since.start.astimezone(self.tz):%H:%M}"
        is_days = self.hours % 24 == 0 and self.hours > 24
        return quantity(self.hours // 24, "day") if is_days else quantity(self.hours, "hour")

    @property
    def date(self) -> datetime.date:
        """The date of `date`."""
        return datetime.date.fromisoformat(self.words["date"])

    def begun(self, current: Hour) -> tuple[Hour, Hour]:
        """Its hours as far as they have begun; of a range in the future the first one, which has no data."""
        return self.since, max(self.since.plus(1), min(self.until, current.plus(1)))

    def span_words(self, current: Hour) -> Mapping[str, str]:
        """Words for what knows neither `date` nor `hour`: its hours as far as they have begun."""
        if self.form == "last":
            return self.words
        since, until = self.begun(current)
        return {"since": local_text(since.start_ms, self.tz), "until": local_text(until.start_ms, self.tz)}

    def before(self) -> "TimeRange":
        """The range before, which ends where this one begins."""
        return self._step(-1)

    def after(self, current: Hour) -> "TimeRange | None":
        """The range after, which begins where this one ends; None if that is still to come."""
        return self._step(1) if self.form != "last" and self.until <= current else None

    def _step(self, sign: Literal[-1, 1]) -> "TimeRange":
        if self.form == "hour":
            return of_hour(self.since.plus(sign), self.tz)
        if self.form == "date":
            day = calendar_day(self.date, self.tz)
            return of_day(calendar_day(date_at(day.first - 1 if sign < 0 else day.after, self.tz), self.tz), self.tz)
        return (self.form == "range" and self._step_by_days(sign)) or self._step_by_hours(sign)

    def _step_by_days(self, sign: Literal[-1, 1]) -> "TimeRange | None":
        """From midnights to midnights, over a change of the clocks too; None unless it begins and ends with a day."""
        dates = [date_at(each.start_ms, self.tz) for each in (self.since, self.until)]
        midnights = [calendar_day(each, self.tz).first for each in dates]
        if midnights != [self.since.start_ms, self.until.start_ms]:
            return None
        try:
            since, until = (calendar_day(each + sign * (dates[1] - dates[0]), self.tz).first for each in dates)
        except UsageError:  # the calendar of the zone leaves out that date
            return None
        return of_range(Hour.of(since), Hour.of(until), self.tz)

    def _step_by_hours(self, sign: Literal[-1, 1]) -> "TimeRange":
        since, until = (
            (self.since.plus(-self.hours), self.since) if sign < 0 else (self.until, self.until.plus(self.hours))
        )
        return of_range(since, until, self.tz)


def of_last(span: str, current: Hour, tz: ZoneInfo) -> TimeRange:
    """As many complete hours as a span has, and the hour in progress. Raises `UsageError`."""
    return TimeRange("last", current.plus(-hours_in(span)), current.plus(1), tz, {"last": span})


def of_day(day: CalendarDay, tz: ZoneInfo) -> TimeRange:
    """A day of the zone's calendar, all of it."""
    since, until = Hour.of(day.first), Hour.of(day.after - 1).plus(1)
    return TimeRange("date", since, until, tz, {"date": f"{day.date}"})


def of_hour(hour: Hour, tz: ZoneInfo) -> TimeRange:
    """One hour."""
    return TimeRange("hour", hour, hour.plus(1), tz, {"hour": str(hour)})


def of_range(since: Hour, until: Hour, tz: ZoneInfo) -> TimeRange:
    """The hours `[since, until)`; a day of the calendar as such. Raises `UsageError` if there is none."""
    if not since < until:
        raise UsageError("the end is not after the beginning", next_step="Choose a later end", parameters=["until"])
    day = calendar_day(date_at(since.start_ms, tz), tz)
    if (day.first, day.after) == (since.start_ms, until.start_ms):
        return of_day(day, tz)
    words = {"since": local_text(since.start_ms, tz), "until": local_text(until.start_ms, tz)}
    return TimeRange("range", since, until, tz, words)
