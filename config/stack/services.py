"""What runs beside the servers: the archiver and the scheduler, under the same supervision."""

import os
import sys
from pathlib import Path

from config.settings import NOT_SETTINGS, file_path
from config.stack.place import Place
from config.stack.server import Port, Program

COMMANDS = {"archiver": "archive", "scheduler": "schedule"}
"""Name of the service, and the command of `trends` that it runs."""


class Service:
    """A long-running command of ours."""

    jars = None
    address = ""

    def __init__(self, name: str, place: Place) -> None:
        self.name = name
        self._place = place

    def ports(self) -> list[Port]:
        """None: it is a client of the servers."""
        return []

    def prepare(self, jvm: Path) -> None:
        """Nothing: its command makes what it needs."""

    def program(self, jvm: Path) -> Program:  # noqa: ARG002 - the contract's
        """`trends <command>`, with the Python that runs now."""
        return Program([str(beside("trends")), COMMANDS[self.name]], settings_environment(self._place), Path.cwd())

    def ready(self) -> bool:
        """A process that stays is ready; supervision says whether it does."""
        return True


def beside(program: str) -> Path:
    """A program of the environment that this Python belongs to."""
    return Path(sys.executable).parent / program


def settings_environment(place: Place) -> dict[str, str | None]:
    """The settings as a child in any folder finds them: the same file, the same variables, the same state."""
    given: dict[str, str | None] = {
        name: value for name, value in os.environ.items() if name.startswith("TRENDS_") and name not in NOT_SETTINGS
    }
    file = {"TRENDS_CONFIG": str(file_path())} if file_path().is_file() else {}
    return {**given, **file, "TRENDS_STACK__STATE": str(place.state)}
