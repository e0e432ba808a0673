"""Files of secrets: `uri_file` gives `mongo.uri` the content of a file, `…_FILE` the same in the environment.

Every setting has such a twin, unless it has that name itself (`postgres.password_file`). A value of a table has one
too: `TRENDS_KAFKA__CONF__SASL_PASSWORD_FILE`.
"""

import json
import logging
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import BaseModel

from config.errors import UsageError

SUFFIX = "_file"
"""How the name of a setting or option ends whose value is in a file."""
_PASSED_ON = "Env."
"""Part of Spark's options that set a variable for others, whose own name may end as ours do."""

_log = logging.getLogger(__name__)
_warned: set[Path] = set()


def names_a_file(option: str) -> bool:
    """Whether a key of a table `conf` names a file with the value."""
    return option.lower().endswith(SUFFIX) and _PASSED_ON not in option


def names_a_path(option: str, value: str) -> bool:
    """Whether a value of a table `conf` is a path: of a file with the value, or of a certificate or key."""
    location = option.lower().replace("_", ".").endswith(".location")
    return names_a_file(option) or (location and value != "probe")


def read_secret(file: Path, setting: str) -> str:
    """The text of a file, without the end of its line. Warns if other users can read it.

    Raises `UsageError` that names the setting, never the content.
    """
    path = file.expanduser()
    try:
        text = path.read_text(encoding="utf-8")
        is_open = bool(path.stat().st_mode & stat.S_IROTH)
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise UsageError(f"can't read {path}: {why}", where=setting, next_step="Name a readable file") from None
    if is_open and path not in _warned:
        _warned.add(path)
        _log.warning("every user of this machine can read %s (%s): `chmod o= %s`", path, setting, path)
    return text.rstrip("\r\n")


def with_contents(name: str, section: type[BaseModel], table: Mapping[str, Any]) -> dict[str, Any]:
    """A section's table, with the content of each file in place of its name. Raises `UsageError`."""
    found: dict[str, Any] = {}
    for key, value in table.items():
        field = section.model_fields.get(key.removesuffix(SUFFIX))
        rows = table_of(field.annotation) if field and key in section.model_fields else None
        if key == "conf" and isinstance(value, Mapping):
            found[key] = _options(f"{name}.{key}", value)
        elif rows and isinstance(value, Mapping):
            found[key] = {
                of: with_contents(f"{name}.{key}.{of}", rows, row) if isinstance(row, Mapping) else row
                for of, row in value.items()
            }
        elif key in section.model_fields or not key.endswith(SUFFIX) or field is None:
            found[key] = value
        else:
            text = _content(f"{name}.{key}", table, key, value)
            found[key.removesuffix(SUFFIX)] = _list(f"{name}.{key}", text) if _is_json(field.annotation) else text
    return found


def table_of(annotation: Any) -> type[BaseModel] | None:
    """The model of the rows, if a setting is a table of tables by name."""
    rows = get_args(annotation)[1] if get_origin(annotation) is dict else None
    return rows if isinstance(rows, type) and issubclass(rows, BaseModel) else None


def _options(where: str, table: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in table.items():
        if names_a_file(key):
            found[key[: -len(SUFFIX)]] = _content(f"{where}.{key}", table, key, value)
        else:
            found[key] = value
    return found


def _content(where: str, table: Mapping[str, Any], key: str, file: Any) -> str:
    other = key[: -len(SUFFIX)]
    if other in table:
        raise UsageError(f"{other} is there as well", where=where, next_step="Keep one of the two")
    if not isinstance(file, str) or not file:
        raise UsageError("not the name of a file", where=where, next_step="Name a readable file")
    return read_secret(Path(file), where)


def _is_json(annotation: Any) -> bool:
    return get_origin(annotation) in (tuple, list, dict)


def _list(where: str, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:  # the error must not show the content
        raise UsageError("the file is not JSON", where=where, next_step="Lists and tables are JSON: '[1, 2]'") from None
