"""Port offset: every default port on this machine, moved by `stack.port_offset`, so that two stacks do not meet."""

import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, SecretStr

from config.settings.loaders import Table

_HERE = re.compile(r"\b(127\.0\.0\.1|localhost):(\d+)")


def moved_defaults(sections: Mapping[str, type[BaseModel]], offset: int) -> Table:
    """The defaults that are ports or addresses of this machine, `offset` higher. A value that is set stays as it is."""
    found: Table = {}
    for name, section in sections.items():
        for key, field in section.model_fields.items():
            default = field.default
            if (moved := _moved(key, default, offset)) != default:
                found.setdefault(name, {})[key] = moved
    return found


def _moved(key: str, default: Any, offset: int) -> Any:
    if isinstance(default, SecretStr):
        text = default.get_secret_value()
        moved = _moved(key, text, offset)
        return default if moved == text else SecretStr(moved)
    if isinstance(default, str):
        return _HERE.sub(lambda found: f"{found[1]}:{int(found[2]) + offset}", default)
    if key.endswith("port") and isinstance(default, int):
        return default + offset
    if key.endswith("ports") and isinstance(default, tuple):
        return tuple(port + offset for port in default)
    return default
