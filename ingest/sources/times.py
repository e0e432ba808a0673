"""Times as the sources spell them. Nothing is guessed: what has two readings is refused."""

import re
from datetime import UTC, datetime

from config.errors import BadRecordError
from ingest.hours import Millis, millis

X_EPOCH_MS = 1_288_834_974_657
"""Since when X numbers posts by time: `id >> 22` is milliseconds from here (github.com/twitter-archive/snowflake)."""
FIRST_TIMED_ID = 29_700_859_247
"""X ids before this one, of 2010-11-04, say nothing about time."""

_V1 = re.compile(r"[A-Z][a-z]{2} ([A-Z][a-z]{2}) (\d{2}) (\d{2}):(\d{2}):(\d{2}) \+0000 (\d{4})", re.ASCII)
_MONTHS = {m: n for n, m in enumerate("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(), 1)}  # noqa: SIM905 - read as written
_DIGITS = re.compile(r"\d{9,10}(\.\d+)?|\d{12,13}", re.ASCII)
_LONGEST = 64


def time_of_id(id_: str) -> Millis:
    """When an X post was written, from its id. Raises `BadRecordError` where the id does not tell."""
    if id_.isascii() and id_.isdigit() and len(id_) <= 19:
        number = int(id_)
        if number > FIRST_TIMED_ID:
            return (number >> 22) + X_EPOCH_MS
    raise BadRecordError(f"no time, and the id tells none: {id_[:_LONGEST]!r}")


def time_of(text: str) -> Millis:
    """A moment as X spells it, ISO 8601, or seconds or milliseconds since 1970. Without an offset it is UTC."""
    try:
        if _DIGITS.fullmatch(text):
            return int(text) if len(text) > 11 and "." not in text else int(float(text) * 1000)
        if match := _V1.fullmatch(text):
            month, day, hour, minute, second, year = match.groups()
            return millis(
                datetime(int(year), _MONTHS[month], int(day), int(hour), int(minute), min(int(second), 59), tzinfo=UTC)
            )
        moment = datetime.fromisoformat(text)
        return millis(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    except (ValueError, KeyError, OverflowError):
        raise BadRecordError(f"a time that can't be understood: {text[:_LONGEST]!r}") from None
