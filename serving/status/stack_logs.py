"""Stack logs: the ends of the logs in the state folder of this machine's stack, for the dashboard."""

from collections.abc import Mapping
from pathlib import Path

from config.settings import Settings
from config.stack.logs import last_lines, log_in, logs


def stack_logs(settings: Settings) -> dict[str, Path]:
    """The logs that there are, by name; none where no stack was started here."""
    return logs(settings)


def log_end(known: Mapping[str, Path], name: str, count: int) -> list[str]:
    """The last lines of one of them. Raises `NoDataError` for a name that is none."""
    return last_lines(log_in(known, name), count)
