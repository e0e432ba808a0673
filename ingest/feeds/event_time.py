"""Event time: the moment in what the `at` of a source finds, for the source and for every stage alike."""

from typing import Any

from config.errors import BadRecordError
from ingest.hours import Millis
from ingest.sources.formats.timestamps import time_of

_MOST_S = 1e13
"""A larger number (NaN and infinity are none either) is no moment in seconds, and no reader takes it."""


def event_time(found: Any) -> Millis:
    """Milliseconds since 1970. A number counts seconds; `time_of` reads a text. Raises `BadRecordError`."""
    if isinstance(found, str):
        return time_of(found.strip())
    if isinstance(found, int | float) and not isinstance(found, bool) and abs(found) < _MOST_S:
        return round(found * 1000)
    raise BadRecordError("no event time" if found is None else f"no event time: {str(found)[:60]}")
