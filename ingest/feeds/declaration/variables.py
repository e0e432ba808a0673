"""Variables of a feed: where their values come from, and the texts of the file that may hold `{name}`.

A value replaces `{name}` before the model checks the file: so each name, folder and address that it makes goes by the
rule for that key. Expressions have no variables, since a value must not become code.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from config.errors import UsageError
from ingest.feeds.declaration.model import Variable
from ingest.feeds.declaration.problems import Problem

_PLACES: tuple[tuple[str, ...], ...] = (
    ("zone",),
    ("source", "from"),
    ("source", "url"),
    ("source", "every"),
    ("source", "path"),
    ("source", "tag"),
    ("source", "lang"),
    ("source", "options", "*"),
    ("source", "ask", "*", "path"),
    ("source", "ask", "*", "query", "*"),
    ("topic", "name"),
    ("sinks", "*", "table"),
    ("sinks", "*", "root"),
    ("sinks", "*", "files"),
    ("sinks", "*", "file"),
    ("sinks", "*", "topic"),
    ("sinks", "*", "every"),
    ("sinks", "*", "packet", "after"),
)
"""Keys whose texts may hold variables; `*` is any key."""
_HOLE = re.compile(r"\{([^{}]*)\}")
_UNFIT = re.compile(r"[{}\x00-\x1f\x7f-\x9f]")
_LONGEST = 1_000


def values_of(
    variables: Mapping[str, Variable],
    values: Mapping[str, str],
    environment: Mapping[str, str],
    feed: str,
    *,
    lenient: bool = False,
) -> dict[str, str]:
    """The value of each variable: from `--set`, else the environment, else the file.

    `lenient`: a needed variable without a value stands for its own name, to show a feed that nobody runs now. Raises
    `UsageError` for a value of an unknown variable, a needed one without a value, and a value that no text may hold.
    """
    where = f"feed {feed}"
    for name in values:
        if name not in variables:
            there = f"it has {', '.join(variables)}" if variables else "it has none"
            raise UsageError(f"no variable {name[:70]!r}: {there}", where=where)
    found: dict[str, str] = {}
    for name, variable in variables.items():
        value = values[name] if name in values else environment.get(variable.env or "") or variable.default
        if value is None and lenient:
            value = name
        if value is None or (variable.needed and not value):
            about = f": {variable.about}" if variable.about else ""
            env = f", or in the environment as {variable.env}" if variable.env else ""
            step = f"Give it by --set {name}=VALUE{env}"
            raise UsageError(f"it needs a value for {name}{about}", where=where, next_step=step)
        if _UNFIT.search(value) or len(value) > _LONGEST:
            what = f"a value of {name} can't hold braces, control characters, or more than {_LONGEST:,} characters"
            raise UsageError(what, where=where)
        found[name] = value
    return found


def missing(variables: Mapping[str, Variable], values: Mapping[str, str], environment: Mapping[str, str]) -> list[str]:
    """The variables that need a value, and have none."""
    return [
        name
        for name, variable in variables.items()
        if variable.default is None and name not in values and not environment.get(variable.env or "")
    ]


def fill(tables: Mapping[str, Any], values: Mapping[str, str]) -> tuple[dict[str, Any], list[Problem]]:
    """The tables with each `{name}` replaced, and the holes that no variable fills."""
    asks = _names(tables, "source", "ask")
    problems: list[Problem] = []
    used: set[str] = set()

    def fill_text(text: str, path: tuple[str, ...]) -> str:
        def value(match: re.Match[str]) -> str:
            name = match[1]
            if name in values:
                used.add(name)
                return _fit(values[name], path, at_start=match.start() == 0)
            if not ("query" in path and name.partition(".")[0] in asks):
                there = f"it has {', '.join(values)}" if values else "it has none"
                problems.append(Problem(path, f"no variable {{{name[:70]}}}: {there}"))
            return match[0]

        return _HOLE.sub(value, text)

    def walk(node: Any, path: tuple[str, ...]) -> Any:
        if isinstance(node, dict):
            return {key: walk(child, (*path, key)) for key, child in node.items()}
        return fill_text(node, path) if isinstance(node, str) and _may_hold(path) else node

    filled = walk(dict(tables), ())
    problems += [Problem(("vars", name), "nothing in the file uses it") for name in values if name not in used]
    return filled, problems


def _fit(value: str, path: Sequence[str], *, at_start: bool) -> str:
    """In an address a value stays one part of it, unless the address begins with it."""
    in_address = path == ("source", "url") or (path[:2] == ("source", "ask") and path[-1] == "path")
    return quote(value, safe="") if in_address and not (path[-1] == "url" and at_start) else value


def _may_hold(path: tuple[str, ...]) -> bool:
    return any(
        len(place) == len(path) and all(key in ("*", part) for key, part in zip(place, path, strict=True))
        for place in _PLACES
    )


def _names(tables: Any, *path: str) -> Iterable[str]:
    for part in path:
        tables = tables.get(part) if isinstance(tables, dict) else None
    return tables if isinstance(tables, dict) else ()


def assignments(texts: Iterable[str]) -> dict[str, str]:
    """The values of `--set NAME=VALUE`. Raises `UsageError`."""
    return dict(_assignment(text) for text in texts)


def _assignment(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise UsageError(f"no value in {text[:70]!r}", where="--set", next_step="Write --set NAME=VALUE")
    return name, value
