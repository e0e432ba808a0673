"""Hour: a UTC hour, half-open, the unit of every count.

Moments are whole milliseconds since 1970-01-01T00:00Z (`Millis`), as in Kafka, Avro and the sources.
"""

import re
import time
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from config.errors import BadRecordError, UsageError

Millis = int
"""A moment: milliseconds since 1970-01-01T00:00:00Z."""

HOUR_MS = 3_600_000
EARLIEST_MS = 1_136_073_600_000
"""2006-01-01: no source of ours is older; an earlier time is a wrong one."""
LATEST_MS = 253_402_300_800_000
"""The year 10000, which many readers of a timestamp can't represent."""

_SHOWN = 40
"""Digits of a wrong moment that a reason shows: it may have thousands."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SHAPE = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}", re.ASCII)


class Hour(NamedTuple):
    """The UTC hour `[start_ms, end_ms)`. Ordered by time; `str` gives `2017-01-06T07`."""

    serial: int
    """Hours since 1970-01-01T00Z."""

    @classmethod
    def of(cls, moment: Millis) -> "Hour":
        """The hour that a moment lies in."""
        return cls(moment // HOUR_MS)

    @classmethod
    def parse(cls, text: str) -> "Hour":
        """The inverse of `str`: exactly `2017-01-06T07`. Raises `UsageError`."""
        try:
            if not _SHAPE.fullmatch(text):
                raise ValueError
            return cls.of(millis(datetime.fromisoformat(f"{text}:00+00:00")))  # twenty times as quick as strptime
        except ValueError:
            raise UsageError(f"not an hour: {text[:40]!r}", next_step="An hour looks like 2017-01-06T07") from None

    @property
    def start_ms(self) -> Millis:
        """First moment of the hour."""
        return self.serial * HOUR_MS

    @property
    def end_ms(self) -> Millis:
        """First moment after the hour."""
        return self.start_ms + HOUR_MS

    @property
    def start(self) -> datetime:
        """First moment of the hour, aware, UTC."""
        return moment_of(self.start_ms)

    def plus(self, hours: int) -> "Hour":
        """The hour that many hours later."""
        return Hour(self.serial + hours)

    def __str__(self) -> str:
        """`2017-01-06T07`."""
        return self.start.strftime("%Y-%m-%dT%H")


def wall_clock() -> Millis:
    """The moment now. Only entry points read it; everything else takes a clock as an argument."""
    return time.time_ns() // 1_000_000


def iso(moment: Millis) -> str:
    """A moment as `2017-01-06T07:00:00Z`."""
    return moment_of(moment).strftime("%Y-%m-%dT%H:%M:%SZ")


def millis(moment: datetime) -> Millis:
    """An aware moment as milliseconds, rounded down."""
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def moment_of(moment: Millis) -> datetime:
    """Milliseconds as an aware UTC moment."""
    return _EPOCH + timedelta(milliseconds=moment)


def check_event_time(moment: Millis, now: Millis, future_ms: int) -> None:
    """Refuse a time that would open a wrong folder or move a watermark: before 2006, or too far ahead of `now`."""
    if moment < EARLIEST_MS:
        raise BadRecordError(f"written before 2006: {str(moment)[:_SHOWN]} ms")
    if moment > now + future_ms:
        raise BadRecordError(f"written in the future: {str(moment)[:_SHOWN]} ms")


def check_received(moment: Millis) -> None:
    """Refuse a wall clock that many readers of a timestamp can't represent."""
    if not 0 <= moment < LATEST_MS:
        raise BadRecordError(f"impossible time of reception: {str(moment)[:_SHOWN]} ms")
