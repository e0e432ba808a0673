"""Logs: one file a server in one folder, and the workers' own in Storm's."""

import time
from collections.abc import Iterator
from pathlib import Path

from config.errors import NoDataError
from config.settings import Settings
from config.stack.paths import StackPaths


def log_of(settings: Settings, name: str) -> Path:
    """The log of a server, a service, `supervisord` or `topology`. Raises `NoDataError` naming those that exist."""
    paths = StackPaths.of(settings.stack)
    known = {path.stem: path for path in sorted((paths.state / "logs").glob("*.log"))}
    workers = sorted(paths.data("storm").glob("workers/*/*/worker.log"), key=lambda path: path.stat().st_mtime)
    if workers:
        known["topology"] = workers[-1]
    if name not in known:
        there = f"There are: {', '.join(known)}" if known else "Nothing was started yet: `trends up`"
        raise NoDataError("no such log", where=name, next_step=there)
    return known[name]


def follow_lines(path: Path, position: int, every_s: float) -> Iterator[str]:
    """Lines as they arrive after `position`, without end. After a rotation it reads the log from its new beginning."""
    while True:
        if path.is_file() and path.stat().st_size < position:
            position = 0
        with path.open(encoding="utf-8", errors="replace") as file:
            file.seek(position)
            yield from iter(file.readline, "")
            position = file.tell()
        time.sleep(every_s)
