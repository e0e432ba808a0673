"""Time expressions: `2017-01-06T07`, `monday-7h`, `yesterday-18h`, `now-3h`. The only module that knows local time.

    2017-01-06T07, 2017-01-06T07:30   local to --tz, unless an offset (`+01:00`, `Z`) is written
    2017-01-06, today, monday         its first moment: midnight, or where the clocks skip it the change
    now, now-3h, now-2d, now-90m      before this moment
    today-7h, yesterday-18h           that day at that o'clock
    monday-7h                         the last Monday at 7 that has passed

A local time that a change of the clocks skips or repeats names no hour or two, so it is an error: write an offset.
A day has a first moment whatever the clocks do: see `serving.query.calendar_days`.
"""

import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from config.errors import UsageError
from ingest.hours import HOUR_MS, Millis, millis, moment_of
from serving.query.calendar_days import CalendarDay, calendar_day, date_at

EXAMPLES = "Write 2017-01-06T07, 2017-01-06T07:00+01:00, 2017-01-06, monday-7h, yesterday-18h or now-3h"

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_AGO = re.compile(r"now(?:-(\d{1,6})([smhdw]))?", re.ASCII)
_CLOCK = re.compile(rf"(today|yesterday|{'|'.join(_DAYS)})(?:-(\d{{1,2}})h(\d{{2}})?)?", re.ASCII)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_SPAN = re.compile(r"(\d{1,6})([smhdw])", re.ASCII)
_TOO_LATE = 9_214_646_400_000
"""2262-01-01."""
_CENTURY = 36_525 * 86_400_000
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


class ClockChangeError(UsageError):
    """A local time that names no moment or two: a change of the clocks skips or repeats it."""

    def __init__(self, local: datetime, tz: ZoneInfo) -> None:
        self.local = local
        self.tz = tz
        self.meanings = tuple(local.replace(tzinfo=tz, fold=fold) for fold in (0, 1))
        """The time by the clock before the change and by the clock after it."""
        super().__init__(
            f"the clocks change at that time, so {local:%Y-%m-%dT%H:%M} in {tz.key} is not one moment",
            next_step="Write " + " or ".join(each.isoformat(timespec="minutes") for each in self.meanings),
        )


def zone(name: str) -> ZoneInfo:
    """A time zone by its IANA name. Raises `UsageError`."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise UsageError(
            f"unknown time zone: {name[:40]!r}",
            next_step="Write UTC or a name like Europe/Paris",
            parameters=["tz"],
        ) from None


def parse(text: str, now: Millis, tz: ZoneInfo) -> Millis:
    """The moment of an expression, from 1970 to 2262. Raises `UsageError` with examples."""
    try:
        day = _day(text.strip(), now, tz)
        moment = _moment(text.strip(), now, tz) if day is None else calendar_day(day, tz).first
        if 0 <= moment < _TOO_LATE:
            return moment
    except (ValueError, OverflowError):
        pass
    raise UsageError(f"unrecognized time: {text[:40]!r}", next_step=EXAMPLES)


def parse_day(text: str, now: Millis, tz: ZoneInfo) -> CalendarDay:
    """The day of an expression: 2017-01-06, today, monday, or the day of any other moment. Raises `UsageError`."""
    return calendar_day(date_at(parse(text, now, tz), tz), tz)


def _day(text: str, now: Millis, tz: ZoneInfo) -> date | None:
    """The date of an expression without a time of day; None for all others."""
    if _DATE.fullmatch(text):
        return date.fromisoformat(text)
    match = _CLOCK.fullmatch(text.lower())
    if match is None or match[2] is not None:
        return None
    today = date_at(now, tz)
    if match[1] in _DAYS:
        return today - timedelta(days=(today.weekday() - _DAYS.index(match[1])) % 7)
    return today - timedelta(days=match[1] == "yesterday")


def _moment(text: str, now: Millis, tz: ZoneInfo) -> Millis:
    word = text.lower()
    if match := _AGO.fullmatch(word):
        return now - (_milliseconds(match[1], match[2]) if match[1] else 0)
    if match := _CLOCK.fullmatch(word):
        return _at_clock(match[1], int(match[2]), int(match[3] or 0), now, tz)
    return _iso(text, tz)


def span(text: str) -> Millis:
    """A length of time, `1h`, `90m`, `7d`, in milliseconds, up to a century. Raises `UsageError`."""
    match = _SPAN.fullmatch(text.strip().lower())
    length = _milliseconds(match[1], match[2]) if match else 0
    if not 0 < length <= _CENTURY:
        raise UsageError(f"unrecognized time span: {text[:40]!r}", next_step="Write 1h, 90m or 7d")
    return length


def hours_in(text: str) -> int:
    """The hours in a time span, rounded up. Raises `UsageError`."""
    return -(-span(text) // HOUR_MS)


def _milliseconds(number: str, unit: str) -> Millis:
    return timedelta(**{_UNITS[unit]: int(number)}) // timedelta(milliseconds=1)


def _at_clock(day: str, hour: int, minute: int, now: Millis, tz: ZoneInfo) -> Millis:
    """A day's o'clock: today's, yesterday's, or that of the latest such weekday which has passed."""
    today = moment_of(now).astimezone(tz).replace(hour=hour, minute=minute, second=0, microsecond=0, fold=0)
    if day in _DAYS:
        wanted = today - timedelta(days=(today.weekday() - _DAYS.index(day)) % 7)
        if millis(wanted.astimezone(UTC)) > now:
            wanted -= timedelta(days=7)
        return _exact(wanted.replace(tzinfo=None), tz)
    return _exact((today - timedelta(days=day == "yesterday")).replace(tzinfo=None), tz)


def _iso(text: str, tz: ZoneInfo) -> Millis:
    """ISO 8601, local where it names no offset."""
    moment = datetime.fromisoformat(text)
    return _exact(moment, tz) if moment.tzinfo is None else millis(moment.astimezone(UTC))


def _exact(local: datetime, tz: ZoneInfo) -> Millis:
    """A local time as a moment. Raises `ClockChangeError` if the clocks skip it or show it twice."""
    first, second = (local.replace(tzinfo=tz, fold=fold) for fold in (0, 1))
    if first.utcoffset() != second.utcoffset():
        raise ClockChangeError(local, tz)
    return millis(first.astimezone(UTC))


def local_text(moment: Millis, tz: ZoneInfo) -> str:
    """The shortest expression of a moment, the inverse of `parse`: `2017-01-06`, `2017-01-06T07`, `2017-01-06T07:30`.

    It has an offset where the clocks show that time twice.
    """
    local = moment_of(moment).astimezone(tz)
    if calendar_day(local.date(), tz).first == moment:
        return f"{local:%Y-%m-%d}"
    if local.second or local.utcoffset() != local.replace(fold=1 - local.fold).utcoffset():
        return local.isoformat(timespec="auto" if local.second else "minutes")
    return f"{local:%Y-%m-%dT%H}" + (f":{local:%M}" if local.minute else "")
