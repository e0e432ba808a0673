"""Times as the sources spell them. This module guesses nothing: it refuses a text with two readings.

So it refuses the name of a zone (`CEST`, `PDT`: others have the same), unless an offset stands beside it, and also
`6/6/2019`. A time without an offset is UTC.
"""

import re
from datetime import UTC, datetime

from config.errors import BadRecordError
from ingest.hours import Millis, millis

X_EPOCH_MS = 1_288_834_974_657
"""Since when X numbers posts by time: `id >> 22` is milliseconds from here (github.com/twitter-archive/snowflake)."""
FIRST_TIMED_ID = 29_700_859_247
"""X ids before this one, of 2010-11-04, say nothing about time."""
A_DAY = 10
"""A readable time of so few characters names a day and no time of it: `2019-06-09`, `20190609`."""
_ZONES_MS = 14 * 3_600_000
"""How far a zone may be from UTC."""

_V1 = re.compile(r"[A-Z][a-z]{2} ([A-Z][a-z]{2}) (\d{2}) (\d{2}):(\d{2}):(\d{2}) \+0000 (\d{4})", re.ASCII)
_MONTHS = {m: n for n, m in enumerate("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(), 1)}  # noqa: SIM905 - read as written
_DIGITS = re.compile(r"\d{9,10}(\.\d+)?|\d{12,13}(\.0*)?|\d{16}", re.ASCII)
"""Seconds, milliseconds or microseconds. (A number of 19 digits may be nanoseconds as well as an id.)"""
_CLOCK = re.compile(r"\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?\s*(Z|z|[+-]\d{2}:?\d{2})?", re.ASCII)

_DATE, _TIME = r"\d{4}-?\d{2}-?\d{2}", r"\d{1,2}:?\d{2}(?::?\d{2}(?:[.,]\d+)?)?"
_ZONE = r"(?P<zone>\s*(?:[+-]\d{2}:?\d{2})?\s*(?:\[[\w/+-]+\]|\(?[A-Za-z]{1,5}\)?)?)"
_ISO = re.compile(rf"(?P<day>{_DATE})[T ]\s*(?P<clock>{_TIME}){_ZONE}", re.ASCII)
_NAMED = r"[A-Z][a-z]{2}"
_BY_MAIL = re.compile(
    rf"(?:{_NAMED}, ?)?(?P<d>\d{{1,2}}) (?P<m>{_NAMED}) (?P<y>\d{{4}}) (?P<clock>{_TIME}){_ZONE}", re.ASCII
)
"""RFC 2822."""
_BY_DATE = re.compile(
    rf"{_NAMED} (?P<m>{_NAMED}) +(?P<d>\d{{1,2}}) (?P<clock>{_TIME})(?P<zone>(?: \S+)*?) (?P<y>\d{{4}})", re.ASCII
)
"""`date`, `ctime`."""
_ZONE_PARTS = re.compile(r"\s*([+-]\d{2}:?\d{2})?\s*(?:\[[\w/+-]+\]|\(?([A-Za-z]{1,5})\)?)?", re.ASCII)
_UTC = ("utc", "gmt", "z")
_LONGEST = 64


def time_of_id(id_: str) -> Millis:
    """The time of an X post, from its id. Raises `BadRecordError` where the id does not tell."""
    if id_.isascii() and id_.isdigit() and len(id_) <= 19:
        number = int(id_)
        if number > FIRST_TIMED_ID:
            return (number >> 22) + X_EPOCH_MS
    raise BadRecordError(f"no time, and the id holds none: {id_[:_LONGEST]!r}")


def time_of(text: str) -> Millis:
    """A moment as X spells it, ISO 8601, RFC 2822, as `date` spells it, or s, ms or µs since 1970.

    Without an offset it is UTC. Raises `BadRecordError`.
    """
    try:
        if _DIGITS.fullmatch(text):
            return _of_number(text)
        if match := _V1.fullmatch(text):
            month, day, hour, minute, second, year = match.groups()
            return millis(
                datetime(int(year), _MONTHS[month], int(day), int(hour), int(minute), min(int(second), 59), tzinfo=UTC)
            )
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            moment = _parse_words(text)
        return millis(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    except (ValueError, KeyError, OverflowError):
        raise BadRecordError(f"a time that can't be understood: {text[:_LONGEST]!r}") from None


def by_id_or(text: str, id_: str) -> Millis:
    """The moment in a text, or by the id of an X post where the text is unreadable, or names a day alone.

    An id that does not lie on that day, in any zone, is not one of those that tell the time.
    """
    try:
        by_text = time_of(text)
    except BadRecordError:
        try:
            return time_of_id(id_)
        except BadRecordError:
            pass
        raise
    if len(text) > A_DAY or _DIGITS.fullmatch(text):
        return by_text
    try:
        by_id = time_of_id(id_)
    except BadRecordError:
        return by_text
    return by_id if -_ZONES_MS <= by_id - by_text < 24 * 3_600_000 + _ZONES_MS else by_text


def join_day_and_time(day: str, clock: str) -> str:
    """A time that stands in two places: its day, and its time of day. A whole time stays as it is."""
    if not day or not _CLOCK.fullmatch(clock):
        return clock or day
    return f"{day.partition('T')[0].partition(' ')[0] if day[:4].isdigit() else day} {clock}"


def _of_number(text: str) -> Millis:
    whole = text.partition(".")[0]
    if len(whole) <= 10:
        return int(float(text) * 1000)
    return int(whole) // 1000 if len(whole) == 16 else int(whole)


def _parse_words(text: str) -> datetime:
    """Raises `ValueError`, `KeyError`."""
    text = text[:_LONGEST].strip()
    if match := _ISO.fullmatch(text):
        day = match["day"]
    elif match := _BY_MAIL.fullmatch(text) or _BY_DATE.fullmatch(text):
        day = f"{match['y']}-{_MONTHS[match['m']]:02}-{int(match['d']):02}"
    else:
        raise ValueError(text)
    clock = match["clock"]
    clock = f"0{clock}" if clock[1:2] == ":" else clock
    clock = f"{clock[:6]}59{clock[8:]}" if clock[6:8] == "60" else clock  # a leap second
    return datetime.fromisoformat(f"{day}T{clock}{_offset(match['zone'])}")


def _offset(zone: str) -> str:
    """The offset that a zone names, none where it names none. Raises `ValueError` for more than one reading."""
    match = _ZONE_PARTS.fullmatch(zone)
    if match is None:
        raise ValueError(zone)
    offset, name = match[1] or "", match[2] or ""
    if name.lower() in _UTC:
        if offset.strip("+-0:"):
            raise ValueError(zone)
        return "+00:00"
    if name and not offset:
        raise ValueError(zone)
    return offset
