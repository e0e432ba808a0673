"""Sources of settings: a file and the environment as plain tables, one over the other. `Settings` validates them later.

Written here since `trends top` is to answer at once: the library for it takes longer to load than the answer takes.
"""

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_origin

from pydantic import BaseModel

from config.errors import UsageError

Table = dict[str, Any]

PREFIX = "TRENDS_"


def read_file(path: Path) -> Table:
    """The tables of a TOML file; none where there is no file. Raises `UsageError`."""
    if not path.is_file():
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(str(error), where=str(path), next_step="Write TOML: `trends config` shows some") from None


def read_environment(environment: Mapping[str, str], sections: Mapping[str, type[BaseModel]]) -> Table:
    """The values that variables like `TRENDS_KAFKA__BOOTSTRAP` give these sections; lists and tables are JSON.

    A section as a whole may be one variable, `TRENDS_RULE`, and a key of a table too, `TRENDS_SPARK__CONF__key`: the
    longer name wins. Raises `UsageError`, which never tells a value.
    """
    found: Table = {}
    for name in sorted(environment, key=len):
        section, *keys = name.removeprefix(PREFIX).split("__")
        if name.startswith(PREFIX) and section.lower() in sections:
            of = sections[section.lower()]
            path = [section.lower(), *(key.lower() for key in keys[:1]), *keys[1:]]
            text = environment[name]
            value: Any = _value(name, text) if _is_json(of, path[1:]) else text
            for key in reversed(path[1:]):
                value = {key: value}
            found = merge({path[0]: value}, found)
    return found


def merge(upper: Mapping[str, Any], lower: Mapping[str, Any]) -> Table:
    """Two tables as one; where both have a value the upper one's counts; where both have a table, the two merge."""
    joined = dict(lower)
    for key, value in upper.items():
        below = joined.get(key)
        joined[key] = merge(value, below) if isinstance(value, Mapping) and isinstance(below, Mapping) else value
    return joined


def _is_json(section: type[BaseModel], keys: list[str]) -> bool:
    """Whether a variable's text is JSON: that of a whole section, of a list, of a table."""
    if not keys:
        return True
    field = section.model_fields.get(keys[0])
    return len(keys) == 1 and field is not None and get_origin(field.annotation) in (tuple, list, dict)


def _value(name: str, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise UsageError("not JSON", where=name, next_step="Lists and tables are written as JSON: '[1, 2]'") from None
