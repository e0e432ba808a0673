"""Expressions over a record: JMESPath, a dotted path, or one of the `$` names.

JMESPath (https://jmespath.org) is a pure language: an expression reads a value, and can't do anything else. Most
columns are a plain path, which this module reads without it: 10 times as fast.
"""

import math
import re
from collections.abc import Callable
from operator import itemgetter
from typing import Any, NamedTuple

import jmespath
from jmespath.exceptions import JMESPathError
from jmespath.functions import Functions

from config.errors import BadRecordError, UsageError
from ingest.hours import Millis

_NAME = r'(?:[A-Za-z_][A-Za-z0-9_]*|"[^"\\\x00-\x1f]+")'
_PATH = re.compile(rf"{_NAME}(?:\.{_NAME})*", re.ASCII)
_PART = re.compile(_NAME, re.ASCII)
_HALF_CHARACTER = re.compile(r"\\u[dD][89a-fA-F]")
BUILT_IN = ("$value", "$key", "$at", "$partition", "$offset", "$topic", "$sent", "$now")


class Scope(NamedTuple):
    """All that an expression can reach: a decoded message, and its coordinates."""

    value: Any
    """Decoded JSON."""
    key: bytes | None
    at: Millis | None
    """Event time."""
    partition: int
    offset: int
    topic: str
    sent: Millis
    now: Millis


Evaluate = Callable[[Scope], Any]
Search = Callable[[Any], Any]


def compile_expression(text: str) -> Evaluate:
    """A function that evaluates the expression. It raises `BadRecordError`; this raises `UsageError`."""
    if text.startswith("$"):
        if text not in BUILT_IN:
            raise UsageError(f"unknown name {text[:40]!r}; there are {' '.join(BUILT_IN)}")
        return itemgetter(Scope._fields.index(text[1:]))
    if (names := _path_of(text)) is not None and len(names) == 1:
        name = names[0]
        return lambda scope: scope[0].get(name) if type(scope[0]) is dict else None
    search = compile_search(text)
    return lambda scope: search(scope[0])


def compile_search(text: str) -> Search:
    """The same over a decoded value alone."""
    names = _path_of(text)
    return _path(names) if names is not None else _jmespath(text)


def _path_of(text: str) -> list[str] | None:
    return [part.strip('"') for part in _PART.findall(text)] if _PATH.fullmatch(text) else None


def _path(names: list[str]) -> Search:
    def search(value: Any) -> Any:
        for name in names:
            if type(value) is not dict:
                return None
            value = value.get(name)
        return value

    return search


def _jmespath(text: str) -> Search:
    try:
        compiled = jmespath.compile(text)
        _check(compiled.parsed)
    except (JMESPathError, RecursionError) as error:
        raise UsageError(f"not JMESPath: {str(error).splitlines()[0]}: {text[:200]}") from None
    if _HALF_CHARACTER.search(text):
        raise UsageError(f"not JMESPath: it holds half a character: {text[:200]}")
    calculates = "(" in text

    def search(value: Any) -> Any:
        try:
            found = compiled.search(value)
            if calculates and not _is_finite(found):
                raise BadRecordError(f"{text[:60]}: a number out of range")
            return found
        except (JMESPathError, ArithmeticError, RecursionError, TypeError, ValueError) as error:
            raise BadRecordError(f"{text[:60]}: {str(error).splitlines()[0]}") from None

    return search


def _check(node: Any, *, is_argument: bool = False) -> None:
    """Refuse what JMESPath itself notices only with the first record: functions, their arguments, a lone `&`."""
    kind, children = node["type"], node.get("children", [])
    if kind == "function_expression":
        function = Functions.FUNCTION_TABLE.get(node["value"])
        if function is None:
            raise UsageError(f"no function {node['value'][:40]}() in JMESPath")
        signature = function["signature"]
        variadic = bool(signature) and signature[-1].get("variadic", False)
        if len(children) < len(signature) or (len(children) > len(signature) and not variadic):
            raise UsageError(f"{node['value']}() takes {len(signature)} arguments in JMESPath, and has {len(children)}")
    if kind == "expref" and not is_argument:
        raise UsageError("`&` stands only before an argument of a function")
    for child in children:
        if isinstance(child, dict):
            _check(child, is_argument=kind == "function_expression")


def _is_finite(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, dict):
        return all(map(_is_finite, value.values()))
    return all(map(_is_finite, value)) if isinstance(value, list) else True
