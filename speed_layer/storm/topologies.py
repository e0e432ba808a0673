"""Topologies of a Storm cluster as a table of text."""

from collections.abc import Sequence

from config.stack.servers.nimbus import Topology
from config.terminal_text import printable

_HEAD = ("topology", "status", "workers", "uptime", "id")


def topologies_table(topologies: Sequence[Topology]) -> str:
    """One line each, below the names of the columns: name, status, workers, uptime, and the id that names its logs."""
    rows = [
        _HEAD,
        *((each.name, each.status.lower(), f"{each.workers:,}", uptime(each.uptime_s), each.id) for each in topologies),
    ]
    safe = [[printable(cell, None) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*safe, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in safe)


def uptime(seconds: int) -> str:
    """`45 s`, `3 min`, `2 h 5 min`, `4 d 3 h`."""
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86_400
    if not minutes:
        return f"{seconds} s"
    if not hours:
        return f"{minutes} min"
    return f"{days} d {hours % 24} h" if days else f"{hours} h {minutes % 60} min"
