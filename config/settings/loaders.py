"""Sources of settings: a file and the environment as plain tables, one over the other. `Settings` validates them later.

Written here since `trends top` is to answer at once: the library for it takes longer to load than the answer takes.
"""

import json
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from config.errors import UsageError
from config.settings.secret_files import SUFFIX, names_a_path, table_of

Table = dict[str, Any]

PREFIX = "TRENDS_"
FILE_NAME = "trends.toml"


def find_file(folder: Path) -> Path:
    """The settings file of a folder or of the nearest one above it, on the same disk; else where it would be.

    Raises `UsageError` where another user wrote a file that is above the folder.
    """
    disk = folder.stat().st_dev
    for above in (folder, *folder.parents):
        if above.stat().st_dev != disk:
            break
        file = above / FILE_NAME
        if file.is_file():
            owners = {file.stat().st_uid, file.lstat().st_uid}  # a link of somebody else may lead to a file of ours
            if above != folder and not owners <= {0, os.geteuid()}:
                step = f"Name it by TRENDS_CONFIG, or make a {FILE_NAME} here"
                raise UsageError("belongs to another user", where=str(file), next_step=step)
            return file
    return folder / FILE_NAME


def rebase(tables: Mapping[str, Any], sections: Mapping[str, type[BaseModel]], folder: Path) -> Table:
    """The tables with relative paths taken from a folder: those of defaults too, and the names of secrets' files."""
    found: Table = dict(tables)
    for name, section in sections.items():
        given = tables.get(name, {})
        if not isinstance(given, Mapping):
            continue  # an error that validation tells
        paths = {key: given.get(key, field.default) for key, field in section.model_fields.items() if _is_path(field)}
        paths |= {key: value for key, value in given.items() if key.endswith(SUFFIX)}
        moved: Table = {key: _in(folder, path) for key, path in paths.items() if isinstance(path, str | Path)}
        for key in ("conf", *(key for key, field in section.model_fields.items() if table_of(field.annotation))):
            if isinstance(conf := given.get(key), Mapping):
                moved[key] = _rebased_options(conf, folder)
        found = merge({name: moved}, found) if moved else found
    return found


def _rebased_options(table: Mapping[str, Any], folder: Path) -> Table:
    """The options of a table `conf` or of tables by name, however deep, with the names of secrets' files moved."""
    return {
        key: _rebased_options(value, folder)
        if isinstance(value, Mapping)
        else _in(folder, value)
        if isinstance(value, str) and names_a_path(key, value)
        else value
        for key, value in table.items()
    }


def _in(folder: Path, path: str | Path) -> str:
    return str(folder / Path(path).expanduser())


def _is_path(field: FieldInfo) -> bool:
    return Path in (field.annotation, *get_args(field.annotation))


def absolute_paths(environment: Mapping[str, str], sections: Mapping[str, type[BaseModel]]) -> dict[str, str]:
    """The variables with relative paths taken from this folder, for a process in another one."""
    return {name: _absolute(name, value, sections) for name, value in environment.items()}


def _absolute(name: str, value: str, sections: Mapping[str, type[BaseModel]]) -> str:
    section, *keys = name.removeprefix(PREFIX).lower().split("__")
    of = sections.get(section)
    if of is None or not keys or not value:
        return value
    if keys[0] == "conf":
        is_path = len(keys) == 2 and names_a_path(keys[1], value)
    else:
        field = of.model_fields.get(keys[0])
        is_path = _is_path(field) if field else keys[0].endswith(SUFFIX)
    return _in(Path.cwd(), value) if is_path and not value.startswith("[") else value


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
