"""The machine: how much free memory and disk it has, and whether that will do."""

from dataclasses import dataclass
from pathlib import Path

import psutil

GIGABYTE = 1 << 30
MEMORY = 3 * GIGABYTE
"""Memory of the whole stack and a batch run."""
DISK, LEAST_DISK = 5 * GIGABYTE, GIGABYTE


@dataclass(frozen=True)
class Capacity:
    """The free part of a resource. `short`: less than is comfortable; `out`: nothing will work."""

    summary: str
    short: bool
    out: bool
    next_step: str


def memory() -> Capacity:
    """Memory that programs can still take."""
    left = psutil.virtual_memory().available
    step = f"The stack and a batch run take about {MEMORY // GIGABYTE} GB: close something"
    return Capacity(f"{left / GIGABYTE:.1f} GB of memory available", left < MEMORY, False, step)


def disk(folder: Path) -> Capacity:
    """Free space on the disk where a folder is, or will be."""
    there = next(path for path in (folder, *folder.parents) if path.exists())
    left = psutil.disk_usage(str(there)).free
    step = "Free some, or set stack.state to a folder elsewhere"
    return Capacity(f"{left / GIGABYTE:.1f} GB of disk free in {there}", left < DISK, left < LEAST_DISK, step)
