"""Expressions over a record: JMESPath, a dotted path, or one of the `$` names.

JMESPath (https://jmespath.org) is a pure language: an expression reads a value, and can't do anything else. Most
columns are a plain path, which is read without it: 10 times as fast.
"""

import re
from collections.abc import Callable
from typing import Any, NamedTuple

import jmespath
from jmespath.exceptions import JMESPathError

from config.errors import BadRecordError, UsageError
from ingest.hours import Millis

_PATH = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*", re.ASCII)
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


def compile_expression(text: str) -> Evaluate:
    """A function that evaluates the expression. It raises `BadRecordError`; this raises `UsageError`."""
    if text.startswith("$"):
        if text not in BUILT_IN:
            raise UsageError(f"unknown name {text[:40]!r}; there are {' '.join(BUILT_IN)}")
        index = Scope._fields.index(text[1:])
        return lambda scope: scope[index]
    search = compile_search(text)
    return lambda scope: search(scope.value)


def compile_search(text: str) -> Callable[[Any], Any]:
    """The same over a decoded value alone."""
    if _PATH.fullmatch(text):
        return _path(text.split("."))
    try:
        compiled = jmespath.compile(text)
    except JMESPathError as error:
        raise UsageError(f"not JMESPath: {str(error).splitlines()[0]}: {text[:200]}") from None

    def search(value: Any) -> Any:
        try:
            return compiled.search(value)
        except (JMESPathError, RecursionError, TypeError, ValueError) as error:
            raise BadRecordError(f"{text[:60]}: {str(error).splitlines()[0]}") from None

    return search


def _path(names: list[str]) -> Callable[[Any], Any]:
    def search(value: Any) -> Any:
        for name in names:
            if not isinstance(value, dict):
                return None
            value = value.get(name)
        return value

    return search
