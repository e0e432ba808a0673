"""Types of columns: any JSON value becomes a value of the type, null, or a reject that says why. Nothing else happens.

A text loses the blanks around it for all types but `json`; an empty one is null. A number may have thousands commas.
`true`, `OUI`, `1` and their opposites are booleans, in any case.
"""

import math
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from config.errors import BadRecordError
from ingest.feeds.declaration.model import Column, ColumnType
from ingest.sources.formats.timestamps import time_of

Cell = str | int | float | bool | bytes | date | datetime | None
"""A timestamp is an aware `datetime` in UTC; in a column with a zone it is that zone's wall clock, naive."""

_NUMBER = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?")
_BOOLEANS = {"true": True, "oui": True, "yes": True, "1": True, "false": False, "non": False, "no": False, "0": False}
_json = msgspec.json.Encoder(order="sorted")


def converter(column: Column) -> Callable[[Any], Cell]:
    """The function that makes cells of a column. It raises `BadRecordError` without the column's name."""
    make = _MAKERS[column.type]
    zone = ZoneInfo(column.zone) if column.zone else None
    if column.type == "timestamp":
        return lambda value: _timestamp(value, zone)
    if column.type == "string" and (column.format or zone):
        pattern = column.format or "%Y-%m-%dT%H:%M:%S"
        return lambda value: _moment_text(value, zone, pattern)
    return make


def json_text(value: Any) -> str:
    """A value as JSON that is equal for equal values: keys in order, no blanks, a number in one spelling."""
    return _json.encode(_plain(value)).decode()


def _string(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, bytes):
        return _utf8(value)
    return json_text(value)


def _int(bits: int) -> Callable[[Any], int | None]:
    limit = 1 << (bits - 1)

    def convert(value: Any) -> int | None:
        number = _number(value)
        if number is None:
            return None
        if number != int(number):
            raise BadRecordError(f"{_show(value)} is no whole number")
        if not -limit <= number < limit:
            raise BadRecordError(f"{_show(value)} does not fit into {bits} bits")
        return int(number)

    return convert


def _double(value: Any) -> float | None:
    number = _number(value)
    if number is None:
        return None
    try:
        return float(number)
    except OverflowError:
        raise BadRecordError(f"{_show(value)} is too large") from None


def _number(value: Any) -> int | float | None:
    """A finite number, or null."""
    number = value
    if isinstance(value, bool):
        raise BadRecordError(f"{_show(value)} is no number")
    if isinstance(value, str):
        text = value.strip()
        if not text:
            return None
        plain = text.replace(",", "") if _NUMBER.fullmatch(text) else text
        try:
            number = int(plain) if re.fullmatch(r"[+-]?\d{1,400}", plain, re.ASCII) else float(plain)
        except ValueError:
            raise BadRecordError(f"{_show(value)} is no number") from None
    if number is None:
        return None
    if not isinstance(number, int | float) or (isinstance(number, float) and not math.isfinite(number)):
        raise BadRecordError(f"{_show(value)} is no number")
    return number


def _boolean(value: Any) -> bool | None:
    if value is None or isinstance(value, bool):
        return value
    text = str(value).strip().lower() if isinstance(value, str | int) else ""
    if isinstance(value, str) and not text:
        return None
    if text not in _BOOLEANS:
        raise BadRecordError(f"{_show(value)} is no boolean")
    return _BOOLEANS[text]


def _timestamp(value: Any, zone: ZoneInfo | None) -> datetime | None:
    moment = _moment(value)
    if moment is None or zone is None:
        return moment
    return moment.astimezone(zone).replace(tzinfo=None)


def _moment_text(value: Any, zone: ZoneInfo | None, pattern: str) -> str | None:
    moment = _moment(value)
    return None if moment is None else moment.astimezone(zone or UTC).strftime(pattern)


def _date(value: Any) -> date | None:
    moment = _moment(value)
    return None if moment is None else moment.date()


def _moment(value: Any) -> datetime | None:
    """Epoch milliseconds (an int, as `$at` is), or a text of any spelling that sources use."""
    if isinstance(value, str) and not value.strip():
        return None
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise BadRecordError(f"{_show(value)} is no moment")
    millis = value if isinstance(value, int) else time_of(value.strip())
    try:
        return datetime.fromtimestamp(millis / 1000, UTC)
    except (OverflowError, ValueError, OSError):
        raise BadRecordError(f"{_show(value)} is no moment") from None


def _bytes(value: Any) -> bytes | None:
    if value is None or isinstance(value, bytes):
        return value
    return value.encode() if isinstance(value, str) else json_text(value).encode()


def _utf8(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise BadRecordError(f"not UTF-8 at byte {error.start}") from None


def _plain(value: Any) -> Any:
    return value


def _show(value: Any) -> str:
    return repr(value)[:60]


_MAKERS: dict[ColumnType, Callable[[Any], Cell]] = {
    "string": _string,
    "int": _int(32),
    "bigint": _int(64),
    "double": _double,
    "boolean": _boolean,
    "timestamp": lambda value: _timestamp(value, None),
    "date": _date,
    "json": lambda value: None if value is None else json_text(value),
    "bytes": _bytes,
}
