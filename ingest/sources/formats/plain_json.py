"""JSON whose values have another type than their service gives them, with a plain meaning.

Tools write a time as a number, an id as `{"$numberLong": "1"}`, a missing value as null. The decoder takes such a
value by its meaning. One that makes no sense refuses its record only if the record can't do without it.
"""

from types import UnionType
from typing import Any, Generic, TypeVar, Union, get_args, get_origin

import msgspec

T = TypeVar("T", bound=msgspec.Struct)

_NUMBERS = {"$numberLong": int, "$numberInt": int, "$numberDouble": float}
_WRAPPED = ("$date", "$oid")
_WORDS = ("text", "full_text", "content")
"""Text that somebody wrote: it never stands for a number, and no record does without it."""
_SENSELESS: Any = object()


class PlainDecoder(Generic[T]):
    """Decodes JSON as a struct: as it is, which is fast, else by the meaning of its values."""

    def __init__(self, kind: type[T]) -> None:
        self._kind = kind
        self._decode = msgspec.json.Decoder(kind).decode

    def decode(self, text: str | bytes | msgspec.Raw) -> T:
        """The struct. Raises the errors of `msgspec.json.Decoder.decode`."""
        try:
            return self._decode(text)
        except msgspec.ValidationError:
            record = unwrap(msgspec.json.decode(text))
            if not isinstance(record, dict):
                raise
            return _struct(record, self._kind)


def unwrap(value: Any) -> Any:
    """JSON without the wrappers by which MongoDB's extended JSON tells types."""
    if isinstance(value, list):
        return [unwrap(each) for each in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        ((key, inside),) = value.items()
        if key in _WRAPPED:
            return unwrap(inside)
        if key in _NUMBERS and isinstance(inside, str | int | float):
            try:
                return _NUMBERS[key](inside)
            except ValueError:
                return inside
    return {key: unwrap(inside) for key, inside in value.items()}


def as_text(value: Any) -> str | None:
    """A text or a number as text; None for anything else."""
    if isinstance(value, str):
        return value
    return repr(value) if _is_number(value) else None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _struct(record: dict[str, Any], kind: type[T]) -> T:
    found = {}
    for field in msgspec.structs.fields(kind):
        if field.encode_name in record:
            value = record[field.encode_name]
            value = _SENSELESS if _is_number(value) and field.encode_name in _WORDS else _fit(value, field.type)
            if value is not _SENSELESS:
                found[field.encode_name] = value
            elif field.required or field.encode_name in _WORDS:
                found[field.encode_name] = record[field.encode_name]
    return msgspec.convert(found, kind)


def _fit(value: Any, type_: Any) -> Any:
    """A value as one of these types."""
    types = get_args(type_) if isinstance(type_, UnionType) or get_origin(type_) is Union else (type_,)
    if msgspec.Raw in types:
        return msgspec.Raw(msgspec.json.encode(value))
    try:
        return msgspec.convert(value, type_)
    except msgspec.ValidationError:
        pass
    for each in types:
        if isinstance(value, dict) and isinstance(each, type) and issubclass(each, msgspec.Struct):
            return _struct_if_any(value, each)
        if isinstance(value, list) and get_origin(each) is list:
            fitted = [_fit(item, get_args(each)[0]) for item in value]
            return [item for item in fitted if item is not _SENSELESS]
    if str in types:
        text = as_text(value)
        return _SENSELESS if text is None else text
    return _whole(value) if int in types and isinstance(value, str | float) else _SENSELESS


def _struct_if_any(value: dict[str, Any], kind: type[Any]) -> Any:
    try:
        return _struct(value, kind)
    except msgspec.ValidationError:
        return _SENSELESS


def _whole(value: str | float) -> Any:
    try:
        number = float(value)
        return (
            int(value)
            if isinstance(value, str) and value.isdigit()
            else int(number)
            if number.is_integer()
            else _SENSELESS
        )
    except (ValueError, OverflowError):
        return _SENSELESS
