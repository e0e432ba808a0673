"""Topologies of a Storm cluster as a table."""

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from config.stack.servers.nimbus import Topology


def topologies_table(topologies: Sequence[Topology]) -> Table:
    """One row each: name, status, workers, uptime, and the id that names its logs."""
    table = Table("topology", "status", "workers", "uptime", "id", box=None, pad_edge=False)
    for each in topologies:
        cells = (each.name, each.status.lower(), f"{each.workers:,}", uptime(each.uptime_s), each.id)
        table.add_row(*map(Text, cells))
    return table


def uptime(seconds: int) -> str:
    """`45 s`, `3 min`, `2 h 5 min`, `4 d 3 h`."""
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86_400
    if not minutes:
        return f"{seconds} s"
    if not hours:
        return f"{minutes} min"
    return f"{days} d {hours % 24} h" if days else f"{hours} h {minutes % 60} min"
