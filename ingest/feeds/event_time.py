"""Event time: the moment in a value, for sources, stages and columns alike."""

from typing import Any

from config.errors import BadRecordError
from ingest.hours import Millis
from ingest.sources.formats.timestamps import time_of

FUTURE_MS = 300_000
"""How far ahead of the clock the time of a record may be."""
_MILLIS = 100_000_000_000
"""From here on a number counts milliseconds: as milliseconds it lies in 1973, as seconds in the year 5138."""
_MICROS = 100_000_000_000_000
"""And from here on microseconds."""
_MOST = 1e17
"""A larger number (NaN and infinity are none either) is no moment."""
_SHOWN = 60


def event_time(value: Any) -> Millis:
    """Milliseconds since 1970.

    A number counts seconds, milliseconds or microseconds, by its size; `time_of` reads a text. Raises `BadRecordError`.
    """
    if type(value) is int and -_MILLIS < value < _MILLIS:  # most records, and so the first question
        return value * 1000
    if isinstance(value, str):
        return time_of(value.strip())
    if isinstance(value, int | float) and not isinstance(value, bool) and (size := abs(value)) < _MOST:
        if size < _MILLIS:
            return round(value * 1000)
        return round(value) if size < _MICROS else round(value) // 1000
    raise BadRecordError("no event time" if value is None else f"no event time: {ascii(value)[:_SHOWN]}")
