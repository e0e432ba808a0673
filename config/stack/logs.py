"""Logs: one file a server in one folder, and the workers' own in Storm's."""

import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from config.errors import NoDataError
from config.redaction import redact
from config.settings import Settings
from config.stack.paths import StackPaths
from config.terminal_text import escape_controls, printable

MOST_BYTES = 262_144
"""Bytes at the end of a log that `last_lines` reads."""
LONGEST_LINE = 2_000
"""Characters of a line that `last_lines` keeps."""


def logs(settings: Settings) -> dict[str, Path]:
    """The logs that exist on this machine, by the names of servers, services, `supervisord` and `topology`."""
    paths = StackPaths.of(settings.stack)
    known = {path.stem: path for path in sorted((paths.state / "logs").glob("*.log"))}
    workers = sorted(paths.data("storm").glob("workers/*/*/worker.log"), key=lambda path: path.stat().st_mtime)
    if workers:
        known["topology"] = workers[-1]
    return known


def log_of(settings: Settings, name: str) -> Path:
    """The log of a server, a service, `supervisord` or `topology`. Raises `NoDataError` naming those that exist."""
    return log_in(logs(settings), name)


def log_in(known: Mapping[str, Path], name: str) -> Path:
    """One of `logs`: a name never becomes a path. Raises `NoDataError` naming those that exist."""
    if name not in known:
        there = f"There are: {', '.join(known)}" if known else "Nothing was started yet: `trends up`"
        raise NoDataError("no such log", where=printable(name, 40), next_step=there)
    return known[name]


def last_lines(path: Path, count: int) -> list[str]:
    """The last lines of a log without secrets and control characters: at most `MOST_BYTES` of it, long ones cut off."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        start = file.seek(max(0, size - MOST_BYTES))
        lines = file.read(MOST_BYTES).decode(errors="replace").splitlines()
    whole = lines[1:] if start else lines  # the first one has lost its beginning, which may be that of a secret
    return [escape_controls(redact(line)[:LONGEST_LINE]) for line in whole[-count:]]


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
