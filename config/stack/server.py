"""The contract that every server of the local stack fulfils: its needs, its program, its readiness.

Next: kafka.py is the plainest of them, launcher.py starts them.
"""

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable
from urllib.parse import urlsplit

from config.errors import TrendsError, UsageError
from config.settings.loaders import PREFIX
from config.stack.jars.jar_cache import JarSet

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True)
class Port:
    """A port that a server listens on, and the setting that moves it."""

    number: int
    setting: str


@dataclass(frozen=True)
class Program:
    """A program to execute. `environment` adds to ours less every `TRENDS_*`; None takes a variable away.

    So a server knows no setting, and no secret, that its `environment` does not name.
    """

    command: Sequence[str]
    environment: Mapping[str, str | None] = field(default_factory=dict)
    folder: Path | None = None
    restart_key: str = ""
    """Other facts that it depends on, as a text: when the text changes, a running process starts anew."""
    stop_signal: str = "TERM"
    """The signal, without its SIG, by which it ends in order."""

    def full_environment(self) -> dict[str, str]:
        """The whole environment that it runs in."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
        merged = {**inherited, **self.environment}
        return {name: value for name, value in merged.items() if value is not None}

    def run(self, where: str, timeout_s: float = 120.0) -> str:
        """Run it to its end and give its output. Raises `TrendsError` with its last lines where it fails."""
        try:
            done = subprocess.run(  # noqa: S603 - a server of ours
                self.command,
                env=self.full_environment(),
                cwd=self.folder,
                timeout=timeout_s,
                check=False,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                stdin=subprocess.DEVNULL,
                umask=0o077,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise TrendsError(str(error), where=where) from None
        if done.returncode:
            raise TrendsError(
                " | ".join(done.stdout.strip().splitlines()[-5:]) or f"exit {done.returncode}", where=where
            )
        return done.stdout


class Server(Protocol):
    """One process. Made from settings; touches nothing before `prepare`."""

    @property
    def name(self) -> str:
        """Its name for `trends up` and `trends logs`."""

    @property
    def address(self) -> str:
        """Where clients find it, `host:port`; empty for a service."""

    @property
    def jars(self) -> JarSet | None:
        """The jars it runs from."""

    def ports(self) -> list[Port]:
        """Every port that it listens on. Empty where it is not ours to start."""

    def prepare(self, jvm: Path) -> None:
        """Write its configuration, and make its data where there is none. Called before each start, idempotent."""

    def program(self, jvm: Path) -> Program:
        """The program to execute, after `prepare`."""

    def ready(self) -> bool:
        """Ask it once, within about two seconds, whether it serves."""


@runtime_checkable
class NeedsSetUp(Protocol):
    """A server that needs something once before it serves, and gets it while it starts, never when somebody looks."""

    def set_up(self) -> bool:
        """Send it, within about two seconds. Idempotent. Tells whether the server has it."""


@dataclass(frozen=True)
class Address:
    """Host and port of a server, as a setting gives them."""

    host: str
    port: int

    @property
    def here(self) -> bool:
        """Whether the local stack may start it: loopback alone, for that is all that it binds."""
        return self.host in LOOPBACK

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def address_of(text: str, setting: str) -> Address:
    """Read `host:port` or a URL with both. Raises `UsageError` that names the setting."""
    try:
        parts = urlsplit(text if "//" in text else f"//{text}")
        if parts.hostname and parts.port:
            return Address(parts.hostname, parts.port)
        if parts.hostname and parts.hostname not in LOOPBACK:
            return Address(parts.hostname, 0)  # a name service
    except ValueError:
        pass
    raise UsageError(f"not a host and a port: {text!r}", where=setting, next_step="Example: 127.0.0.1:9092")
