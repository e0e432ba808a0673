"""Paths and queries of a poll's requests: texts of the file, with values of earlier answers (`{current.coord.lat}`).

A value goes into a parameter of the query, where the client escapes it, and never into the path or the host.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from config.errors import BadRecordError, UsageError
from ingest.feeds.declaration.model import HttpSource
from ingest.feeds.rows.expressions import compile_search

_REFERENCE = re.compile(r"\{([a-z_][a-z0-9_]{0,62})\.([A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*)\}", re.ASCII)
_PATH_SIGNS = set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/%@:+,;=!$'()*")
_LONGEST = 200
"""Characters of a value."""


class Query:
    """The query of one request."""

    def __init__(self, source: HttpSource, name: str) -> None:
        """Raises `UsageError` for a reference to anything but an earlier request."""
        asks = list(source.ask)
        earlier = asks[: asks.index(name)]
        self._texts = source.ask[name].query
        self._searches: dict[str, Callable[[Any], Any]] = {}
        for key, text in self._texts.items():
            where = f"source.ask.{name}.query.{key}"
            for other, path in _REFERENCE.findall(text):
                if other not in earlier:
                    there = ", ".join(earlier) or "none"
                    raise UsageError(f"{other} is no earlier request", where=where, next_step=f"Earlier: {there}")
                self._searches[f"{{{other}.{path}}}"] = compile_search(f"{other}.{path}")
            if set(_REFERENCE.sub("", text)) & {"{", "}"}:
                step = "{name} is a variable of the file, {request.field} a value of an earlier answer"
                raise UsageError(f"what is in braces has no meaning: {text[:60]!r}", where=where, next_step=step)

    @property
    def references(self) -> set[str]:
        """Names of the requests whose answers it takes values of."""
        return {reference[1:].partition(".")[0] for reference in self._searches}

    def fill(self, answers: Mapping[str, Any]) -> dict[str, str]:
        """Its parameters. Raises `BadRecordError` where an earlier answer lacks a value."""

        def value(match: re.Match[str]) -> str:
            return self._value(match[0], answers)

        return {key: _REFERENCE.sub(value, text) for key, text in self._texts.items()}

    def _value(self, reference: str, answers: Mapping[str, Any]) -> str:
        found = self._searches[reference](answers)
        if isinstance(found, bool):
            return str(found).lower()
        if not isinstance(found, str | int | float):
            raise BadRecordError(f"no value for {reference}")
        text = str(found)
        if not text or len(text) > _LONGEST or not text.isprintable():
            raise BadRecordError(f"no usable value for {reference}: {text[:40]!r}")
        return text


def path_of(name: str, path: str) -> str:
    """The path of a request, as the file has it. Raises `UsageError`."""
    if path and (not path.startswith("/") or not set(path) <= _PATH_SIGNS or ".." in path.split("/")):
        step = "One looks like /data/weather; parameters belong into `query`"
        raise UsageError(f"no path: {path[:80]!r}", where=f"source.ask.{name}.path", next_step=step)
    return path
