"""Problems in a feed's file, and the one error that says all of them: file, line, key, what is wrong."""

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from config.errors import UsageError
from config.quantity import quantity
from ingest.feeds.declaration.key_lines import KeyLines
from ingest.feeds.declaration.model import Table

_MOST = 20
"""Problems that an error shows."""
_LITERALS = {
    "string_type": "a text in quotes",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
}
_MESSAGES = {
    "missing": "the file needs this key",
    "union_tag_not_found": "the table needs a `type`",
}


class Problem(NamedTuple):
    """One mistake."""

    key: tuple[str | int, ...]
    """From the top of the file."""
    text: str


def feed_error(path: Path, lines: KeyLines, problems: Sequence[Problem]) -> UsageError:
    """The error for a file, with every problem in it."""
    step = "docs/feed_files.md lists every table and key"
    ordered = sorted(problems, key=lambda problem: lines.line(problem.key) or 0)
    if len(ordered) == 1:
        line = lines.line(ordered[0].key)
        return UsageError(_shown(ordered[0]), where=f"{path}:{line}" if line else str(path), next_step=step)
    shown = [f"line {lines.line(each.key) or '?'}: {_shown(each)}" for each in ordered[:_MOST]]
    more = [f"and {len(ordered) - _MOST} more"] if len(ordered) > _MOST else []
    return UsageError("\n  ".join([quantity(len(ordered), "problem"), *shown, *more]), where=str(path), next_step=step)


def problems_of(error: ValidationError, tables: Mapping[str, Any]) -> list[Problem]:
    """The problems that the model has found in the tables of a file."""
    return [Problem(tuple(_path(each["loc"], tables)), _text(each)) for each in error.errors(include_url=False)]


def _shown(problem: Problem) -> str:
    return f"{'.'.join(map(str, problem.key))}: {problem.text}" if problem.key else problem.text


def _path(location: Sequence[str | int], tables: Any) -> Iterator[str | int]:
    """The path of keys: pydantic puts the type of a sink or a source between them."""
    current = tables
    for part in location:
        if part == "[key]":
            continue
        if isinstance(current, Mapping) and part not in current and current.get("type") == part:
            continue
        yield part
        current = _child(current, part)


def _child(table: Any, part: str | int) -> Any:
    if isinstance(table, Mapping):
        return table.get(part)
    return table[part] if isinstance(table, list) and isinstance(part, int) and part < len(table) else None


def _text(error: Any) -> str:
    kind, value = error["type"], error["input"]
    context = error.get("ctx", {})
    if kind == "value_error":
        return str(context["error"])
    if kind in ("literal_error", "union_tag_invalid"):
        name = value.get("type") if kind == "union_tag_invalid" else value
        return _no_choice(str(name), str(context.get("expected") or context.get("expected_tags")))
    if kind == "extra_forbidden":
        near = get_close_matches(str(error["loc"][-1]), _keys(Table), 1)
        return "unknown key" + (f"; perhaps {near[0]}" if near else "")
    if kind in _LITERALS:
        return f"{str(value)[:60]!r} is not {_LITERALS[kind]}"
    return _MESSAGES.get(kind, str(error["msg"]))


def _keys(table: type[Table]) -> set[str]:
    """Every key that some table of a file has."""
    own = {field.alias or name for name, field in table.model_fields.items()}
    return own.union(*map(_keys, table.__subclasses__()))


def _no_choice(name: str, expected: str) -> str:
    choices = [each.strip("' ") for each in expected.replace(" or ", ",").split(",")]
    near = get_close_matches(name, choices, 1)
    return f"{name[:60]!r} is none of {', '.join(choices)}" + (f"; perhaps {near[0]}" if near else "")
