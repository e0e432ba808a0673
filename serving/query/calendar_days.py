"""Days: calendar days of a time zone as moments, also where its clocks change at midnight. Pure.

A day is `[first, after)`: from the first moment at which the zone's calendar shows its date to the last. Where the
clocks skip midnight, the day begins at the change; where an hour around midnight comes twice, the day has 25 hours; a
date that the zone leaves out (Pacific/Apia had no 2011-12-30) is refused.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from config.errors import UsageError
from ingest.hours import Millis, millis, moment_of

_STEP_MS = 900_000
"""No zone changes its clocks twice within a quarter of an hour."""
_FAR_MS = 16 * 3_600_000
"""No zone was ever further from UTC."""


class CalendarDay(NamedTuple):
    """A date in a time zone."""

    date: date
    first: Millis
    """Its first moment."""
    after: Millis
    """The moment after its last."""


def calendar_day(day: date, tz: ZoneInfo) -> CalendarDay:
    """The moments of a date. Raises `UsageError` where the zone's calendar leaves it out."""
    begin, end = (millis(datetime(*each.timetuple()[:3], tzinfo=UTC)) for each in (day, day + timedelta(days=1)))
    shown = [
        (max(since, begin - offset), min(until, end - offset))
        for since, until, offset in _stretches(begin - _FAR_MS, end + _FAR_MS, tz)
        if max(since, begin - offset) < min(until, end - offset)
    ]
    if not shown:
        raise UsageError(
            f"the calendar of {tz.key} has no {day}", next_step=f"Write {day + timedelta(days=1)}, the day after it"
        )
    return CalendarDay(day, shown[0][0], shown[-1][1])


def date_at(moment: Millis, tz: ZoneInfo) -> date:
    """The date that the zone's calendar shows at a moment."""
    return moment_of(moment).astimezone(tz).date()


def _stretches(begin: Millis, end: Millis, tz: ZoneInfo) -> Iterator[tuple[Millis, Millis, Millis]]:
    """`[since, until)` and the offset from UTC that holds in it, for all of `[begin, end)`."""
    since, offset = begin, _offset(begin, tz)
    for at in range(begin, end, _STEP_MS):
        if (now := _offset(at, tz)) != offset:
            change = _change(at - _STEP_MS, at, tz)
            yield since, change, offset
            since, offset = change, now
    yield since, end, offset


def _change(before: Millis, after: Millis, tz: ZoneInfo) -> Millis:
    """The first moment of the offset that holds at `after`, and not yet at `before`."""
    while after - before > 1:
        middle = (before + after) // 2
        before, after = (before, middle) if _offset(middle, tz) == _offset(after, tz) else (middle, after)
    return after


def _offset(moment: Millis, tz: ZoneInfo) -> Millis:
    offset = moment_of(moment).astimezone(tz).utcoffset() or timedelta(0)
    return offset // timedelta(milliseconds=1)
