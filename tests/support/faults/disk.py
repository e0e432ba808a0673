"""Faults of disks: a small one, that is filled up. Linux and root are needed: it is a tmpfs that is mounted."""

import errno
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.faults.proof import Proof, proving
from tests.support.wait import until

_PIECE = bytes(1 << 20)


class SmallDisk:
    """A mounted folder of so many megabytes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / ".ballast"

    @contextmanager
    def full(self, target: str, met: Callable[[], object]) -> Iterator[Proof]:
        """Inside, not a byte is free. `met` tells whether the server has met it: it must have, before this ends."""
        with proving("full disk", target, "enospc", "ballast_mb", "met") as proof:
            try:
                proof.saw(ballast_mb=self._fill())
                proof.saw(enospc=True)
                yield proof
                self._fill()  # a server may have given something back
                until(lambda: bool(met()), lambda: f"{target} has not met its full disk", 60)
                proof.saw(met=True)
            finally:
                self._ballast.unlink(missing_ok=True)

    def _fill(self) -> int:
        """Write until the system says ENOSPC. Gives the megabytes that lie there now; the last ones go byte by byte."""
        with self._ballast.open("ab", buffering=0) as file:
            for piece in (_PIECE, bytes(4096), b"\0"):
                while True:
                    try:
                        os.write(file.fileno(), piece)
                    except OSError as error:
                        if error.errno != errno.ENOSPC:
                            raise
                        break
        return max(1, self._ballast.stat().st_size >> 20)


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[SmallDisk]:
    """Mount a small disk at a folder; inside it is there. Skips the test where that is not possible, saying why."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("a small disk is a tmpfs that is mounted: needs Linux and root")
    folder.mkdir(parents=True, exist_ok=True)
    told = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0755", "tmpfs", folder],
        capture_output=True,
        text=True,
        check=False,
    )
    if told.returncode:
        pytest.skip(f"a small disk can't be mounted here: {told.stderr.strip()}")
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)
