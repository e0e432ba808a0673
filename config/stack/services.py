"""Services, which run beside the servers under the same supervision: the archiver, the scheduler, and feeds by name."""

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from pydantic import SecretStr

from config.settings import BOOTSTRAP, NOT_SETTINGS, Settings, base_folder, file_path, secrets, section_types
from config.settings.live import live_sections
from config.settings.loaders import PREFIX, absolute_paths
from config.stack.paths import StackPaths
from config.stack.server import Port, Program

COMMANDS = {"archiver": ("archive",), "scheduler": ("schedule",)}
"""Name of the service, and the command of `trends` that it runs, with its arguments."""
OTHERS = frozenset({"serve", "stack", "alerts"})
"""Sections that no service and no topology reads: they do not get these secrets, and go on when these change. Nor does
any of them read a section of a live service."""


class Service:
    """A long-running command of ours."""

    jars = None
    address = ""

    def __init__(self, name: str, arguments: Sequence[str], settings: Settings, paths: StackPaths) -> None:
        """`arguments`: the command of `trends` and its arguments."""
        self.name = name
        self._arguments = arguments
        self._settings = settings
        self._paths = paths

    def ports(self) -> list[Port]:
        """None: it is a client of the servers."""
        return []

    def prepare(self, jvm: Path) -> None:  # noqa: ARG002 - the contract's
        """Leave the secrets where it finds them. Its command makes all else that it needs."""
        pass_secrets_on(self._paths)

    def program(self, jvm: Path) -> Program:  # noqa: ARG002 - the contract's
        """`trends <command>`, with the Python that runs now; settings that have changed make it another."""
        command = [sys.executable, str(program_path("trends")), *self._arguments]
        return Program(
            command, settings_environment(self._paths), base_folder(), restart_key=active_settings(self._settings)
        )

    def ready(self) -> bool:
        """A process that stays is ready; supervision says whether it does."""
        return True


def program_path(program: str) -> Path:
    """A program of the environment that this Python belongs to."""
    return Path(sys.executable).parent / program


def settings_environment(paths: StackPaths) -> dict[str, str | None]:
    """The settings as a child in any folder finds them: the same file, the same variables, the same state.

    Secrets among the variables are not here: the file that `TRENDS_SECRETS_FILE` names holds them.
    """
    plain, secret = _settings_variables()
    found: dict[str, str | None] = {**plain, "TRENDS_STACK__STATE": str(paths.state)}
    if file_path().is_file():
        found["TRENDS_CONFIG"] = str(file_path())
    if secret:
        found[secrets.FILE] = str(_file(paths))
    return found


def pass_secrets_on(paths: StackPaths) -> None:
    """Write the file of secrets, or remove one that nobody needs."""
    _, secret = _settings_variables()
    if secret:
        secrets.write_private(_file(paths), json.dumps(secret))
    else:
        _file(paths).unlink(missing_ok=True)


def active_settings(settings: Settings) -> str:
    """The settings that services and the topology go by, secrets included: to compare, never to show."""
    return json.dumps(settings.model_dump(exclude=set(OTHERS)), default=_plain)


def _plain(value: object) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)


def _file(paths: StackPaths) -> Path:
    return paths.conf("services") / "secrets.json"


def _settings_variables() -> tuple[dict[str, str], dict[str, str]]:
    """Variables that are settings: the plain ones, and the secret ones that services need."""
    plain: dict[str, str] = {}
    secret: dict[str, str] = {}
    known = section_types()
    for name, value in secrets.with_file(os.environ).items():
        if name == BOOTSTRAP:
            plain[name] = value
        if not name.startswith(PREFIX) or name in NOT_SETTINGS:
            continue
        if not secrets.is_secret(name, known):
            plain[name] = value
        elif name.removeprefix(PREFIX).lower().split("__")[0] not in OTHERS | live_sections().keys():
            secret[name] = value
    return absolute_paths(plain, known), secret
