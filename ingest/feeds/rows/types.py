"""Types of columns: any JSON value becomes a value of the type, null, or a reject that says why. Nothing else happens.

A text loses the blanks around it for all types but `json`; an empty one is null. A number may have thousands commas.
`true`, `OUI`, `1` and their opposites are booleans, in any case.
"""

import math
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from config.errors import BadRecordError
from ingest.feeds.declaration.model import Column, ColumnType
from ingest.feeds.event_time import event_time
from ingest.feeds.rows.canonical_json import decode, json_text

Cell = str | int | float | bool | bytes | date | datetime | None
"""A timestamp is an aware `datetime` in UTC; in a column with a zone it is that zone's wall clock, naive."""

_THOUSANDS = re.compile(r"[+-]?[0-9]{1,3}(,[0-9]{3})+(\.[0-9]*)?")
_NUMBER = re.compile(r"[+-]?([0-9]{1,400}(\.[0-9]{0,400})?|\.[0-9]{1,400})([eE][+-]?[0-9]{1,9})?")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_BOOLEANS = {"true": True, "oui": True, "yes": True, "1": True, "false": False, "non": False, "no": False, "0": False}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_YEAR_2200 = 7_258_118_400
"""In seconds: beyond it no record needs the short way of `_wall_clock`."""
_LONGEST_INT = 30
"""Digits of a whole number that is worth converting: 64 bits have 19."""


def converter(column: Column) -> Callable[[Any], Cell]:
    """The function that makes cells of a column. It raises `BadRecordError` without the column's name."""
    zone = ZoneInfo(column.zone) if column.zone else None
    if column.from_ == "$value" and column.type == "string":
        return _json  # so that another stage can read it: a text of its own would lose its quotation marks
    if column.type == "timestamp":
        return _timestamp if zone is None else _wall_clock(zone)
    if column.type == "date":
        return lambda value: _date(value, zone)
    if column.type == "string" and (column.format or zone):
        pattern = column.format or "%Y-%m-%dT%H:%M:%S"
        return lambda value: _moment_text(value, zone, pattern)
    return _MAKERS[column.type]


def _string(value: Any) -> str | None:
    if type(value) is str:
        return value.strip() or None
    if value is None:
        return None
    if isinstance(value, bytes):
        return _utf8(value).strip() or None
    return json_text(value)


def _int(bits: int) -> Callable[[Any], int | None]:
    limit = 1 << (bits - 1)

    def convert(value: Any) -> int | None:
        number = value if type(value) is int else _whole(value)
        if number is not None and not -limit <= number < limit:
            raise BadRecordError(f"{_show(value)} does not fit into {bits} bits")
        return number

    return convert


def _whole(value: Any) -> int | None:
    """A whole number that is no `int` yet: a text keeps all its digits."""
    if value is None or (text := _number_text(value)) == "":
        return None
    number = Decimal(text) if text else Decimal(value)
    if number.adjusted() > _LONGEST_INT:
        raise BadRecordError(f"{_show(value)} is too large")
    if number != number.to_integral_value():
        raise BadRecordError(f"{_show(value)} is no whole number")
    return int(number)


def _double(value: Any) -> float | None:
    if type(value) is float and math.isfinite(value):
        return value
    if value is None or (text := _number_text(value)) == "":
        return None
    try:
        number = float(text or value)
    except OverflowError:
        number = math.inf
    if math.isinf(number):
        raise BadRecordError(f"{_show(value)} is too large")
    return number


def _number_text(value: Any) -> str | None:
    """The number in a text, as Python spells it, and an empty text as it is; None for a value that is a number."""
    if isinstance(value, str):
        text = value.strip()
        plain = text.replace(",", "") if _THOUSANDS.fullmatch(text) else text
        if not plain or _NUMBER.fullmatch(plain):
            return plain
    elif type(value) is int or (isinstance(value, float) and math.isfinite(value)):
        return None
    raise BadRecordError(f"{_show(value)} is no number")


def _boolean(value: Any) -> bool | None:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        text = value.strip().lower()
        if not text or text in _BOOLEANS:
            return _BOOLEANS.get(text)
    elif isinstance(value, int | float) and value in (0, 1):
        return bool(value)
    raise BadRecordError(f"{_show(value)} is no boolean")


def _wall_clock(zone: ZoneInfo) -> Callable[[Any], datetime | None]:
    """Makes the wall clock of a zone. A whole number of seconds, as most records have, takes a short way."""

    def convert(value: Any) -> datetime | None:
        if type(value) is int and 0 <= value < _YEAR_2200:
            return datetime.fromtimestamp(value, zone).replace(tzinfo=None, fold=0)
        moment = _timestamp(value)
        return None if moment is None else _in_zone(moment, zone).replace(tzinfo=None, fold=0)

    return convert


def _moment_text(value: Any, zone: ZoneInfo | None, pattern: str) -> str | None:
    moment = _timestamp(value)
    return None if moment is None else _in_zone(moment, zone or UTC).strftime(pattern)


def _date(value: Any, zone: ZoneInfo | None) -> date | None:
    """A text that names a day alone is that day in every zone."""
    if isinstance(value, str) and _DAY.fullmatch(value.strip()):
        zone = None
    moment = _timestamp(value)
    return None if moment is None else _in_zone(moment, zone or UTC).date()


def _timestamp(value: Any) -> datetime | None:
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise BadRecordError(f"{_show(value)} is no moment")
    try:
        return _EPOCH + timedelta(milliseconds=event_time(value))
    except OverflowError:
        raise BadRecordError(f"{_show(value)} is no moment") from None


def _in_zone(moment: datetime, zone: Any) -> datetime:
    try:
        return moment.astimezone(zone)
    except (OverflowError, ValueError):  # the first and the last hours that a datetime knows
        raise BadRecordError(f"{moment.year} is out of range") from None


def _json(value: Any) -> str | None:
    if isinstance(value, bytes):
        value = decode(value)
    return None if value is None else json_text(value)


def _bytes(value: Any) -> bytes | None:
    if value is None or isinstance(value, bytes):
        return value
    text = value if isinstance(value, str) else json_text(value)
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise BadRecordError("half a character (a lone surrogate)") from None


def _utf8(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise BadRecordError(f"not UTF-8 at byte {error.start}") from None


def _show(value: Any) -> str:
    return ascii(value)[:60] if not isinstance(value, str) else repr(value[:60])


_MAKERS: dict[ColumnType, Callable[[Any], Cell]] = {
    "string": _string,
    "int": _int(32),
    "bigint": _int(64),
    "double": _double,
    "boolean": _boolean,
    "json": _json,
    "bytes": _bytes,
}
