"""Prometheus and promtool: those on PATH, or Debian's packages unpacked into the user's cache."""

import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import pytest

from config.settings import StackSettings
from config.stack.paths import StackPaths

PACKAGE = "prometheus"


def program(name: str, package: str = PACKAGE) -> Path:
    """A program of a Debian package. Skips the test, with the reason, on a machine that can't have it."""
    if found := shutil.which(name):
        return Path(found)
    path = _unpacked(package) / "usr" / "bin" / name
    if not path.is_file():
        pytest.skip(f"no {name}: it is not on PATH, and {package} can't be had by `apt-get download`")
    return path


@cache
def _unpacked(package: str) -> Path:
    """Its folder in the cache, filled first where it is not there. Two processes at once are harmless."""
    final = StackPaths.of(StackSettings()).cache / "debian" / package
    if final.is_dir() or not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        return final
    final.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{package}-", dir=final.parent) as scratch:
        got = subprocess.run(["apt-get", "download", package], cwd=scratch, capture_output=True, check=False)
        debs = list(Path(scratch).glob("*.deb"))
        if got.returncode == 0 and debs:
            whole = Path(scratch) / "whole"
            subprocess.run(["dpkg-deb", "-x", debs[0], whole], check=True)
            if not final.is_dir():
                whole.rename(final)
    return final


def promtool(*arguments: str | Path) -> str:
    """The output of promtool. Fails with it where promtool does."""
    done = subprocess.run([program("promtool"), *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
