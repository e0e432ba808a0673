"""Foreground: prepares one server and becomes its program: `python -m config.stack.foreground hive`. For containers.

There the engine supervises it. Its settings, its jars and its data are those of `trends up`.
"""

import os
import sys
from pathlib import Path

from config.errors import TrendsError, UsageError
from config.settings import Settings
from config.stack.jars import java
from config.stack.jars.jar_cache import fetch
from config.stack.launcher import optional_servers, servers
from config.stack.paths import StackPaths
from config.stack.server import Program


def prepare(settings: Settings, name: str) -> Program:
    """The program of a server, which is ready to run it. Raises `TrendsError`."""
    paths = StackPaths.of(settings.stack)
    known = {server.name: server for server in [*servers(settings), *optional_servers(settings)]}
    if name not in known:
        raise UsageError(f"no such server: {name!r}", where="foreground", next_step=f"One of: {', '.join(known)}")
    server = known[name]
    if not server.ports():
        raise UsageError(f"{name} has the address {server.address}", where="settings", next_step="Unset its address")
    os.umask(0o077)
    paths.check()
    paths.make()
    jvm = java.find() if server.jars else Path("java")
    if server.jars:
        fetch(server.jars, paths, lambda _: None)
    server.prepare(jvm)
    return server.program(jvm)


def main(name: str) -> None:
    """Replace this process by the server. Returns only by an error."""
    settings = Settings.read()
    program = prepare(settings, name)
    os.chdir(program.folder or StackPaths.of(settings.stack).state)
    os.execve(program.command[0], list(program.command), program.full_environment())  # noqa: S606 - the purpose of this file


if __name__ == "__main__":
    try:
        main(*sys.argv[1:2] or [""])
    except TrendsError as error:
        sys.exit(f"trends: {error}")
