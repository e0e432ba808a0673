"""Canonical JSON: equal values have equal texts, whichever way they came.

A value that PostgreSQL keeps as JSONB comes back with other blanks, another order of keys and numbers spelled out
(`1e2` as `100`). So `decode` brings each number into one form, and `json_text` writes keys in order and no blanks: a
record has the same text whether a stage reads it from Kafka or from another sink.
"""

import math
from typing import Any

import msgspec

from config.errors import BadRecordError

_SHOWN = 60


def decode(value: bytes) -> Any:
    """JSON; of two equal keys the last counts. Raises `BadRecordError`, also for a number beyond 1.8e308."""
    try:
        return _decoder.decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadRecordError(f"not JSON: {error}") from None


def json_text(value: Any) -> str:
    """A decoded value as JSON. Raises `BadRecordError` for a value that JSON can't express."""
    try:
        return _encoder.encode(value).decode()
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise BadRecordError(f"not JSON: {str(error)[:_SHOWN]}") from None


def _number(text: str) -> int | float:
    """A number with a fraction or an exponent: an int where it is whole, so that `1`, `1.0` and `10e-1` are one."""
    number = float(text)
    if not math.isfinite(number):
        raise BadRecordError(f"a number out of range: {text[:_SHOWN]}")
    return int(number) if number.is_integer() else number


_decoder = msgspec.json.Decoder(float_hook=_number)
_encoder = msgspec.json.Encoder(order="sorted")
