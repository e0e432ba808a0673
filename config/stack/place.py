"""Where the local stack keeps its things: one folder for the servers' state, one in the user's cache for their jars."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from string import Template
from tempfile import NamedTemporaryFile

from config.settings import StackSettings

FILES = Path(__file__).parent.parent
"""The servers' own configuration files, shared with docker-compose: `config/kafka/`, `config/hdfs/`, …"""
PROJECT = FILES.parent
"""The project's root, where `sparse` finds config.json and the topologies."""


@dataclass(frozen=True)
class Place:
    """The folders of one stack. Every path is absolute."""

    state: Path
    cache: Path

    @classmethod
    def of(cls, settings: StackSettings) -> "Place":
        """The folders that the settings name."""
        return cls(settings.state.expanduser().absolute(), (settings.cache or _user_cache()).expanduser().absolute())

    def data(self, server: str) -> Path:
        """What a server must not lose. Kept by `down`."""
        return self.state / "data" / server

    def conf(self, server: str) -> Path:
        """A server's configuration as it runs, written anew at each start."""
        return self.state / "conf" / server

    def log(self, server: str) -> Path:
        """What a server says."""
        return self.state / "logs" / f"{server}.log"

    def jars(self, server: str, version: str) -> Path:
        """A server's jars, shared by every checkout of this user."""
        return self.cache / "jars" / f"{server}-{version}"


def rendered(file: str, **values: object) -> str:
    """The text of `config/<file>` with its `$name`s filled in. A name without a value is an error."""
    return Template((FILES / file).read_text()).substitute({name: str(value) for name, value in values.items()})


def _user_cache() -> Path:
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "trends"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "trends"


def put(path: Path, text: str) -> None:
    """Write a file whole: a reader sees the old text or the new one, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile("w", dir=path.parent, prefix=f".{path.name}-", delete=False, encoding="utf-8") as file:
        file.write(text)
    Path(file.name).replace(path)
