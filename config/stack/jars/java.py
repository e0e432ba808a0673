"""Java: which one runs the servers, and the flags that keep them small."""

import os
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

from config.errors import TrendsError

OLDEST = 17
INSTALL = "Install it (Debian, Ubuntu: `apt-get install openjdk-17-jre-headless`; macOS: `brew install openjdk@17`)"


def flags(scratch: Path, heap_mb: int, first_mb: int = 16) -> list[str]:
    """Flags measured to halve start-up CPU and memory: one collector thread, only the quick compiler, a small heap.

    `scratch` is for temporary files: Java takes /tmp else, where others look and some systems load no library from.
    """
    small = [f"-Xms{first_mb}m", f"-Xmx{heap_mb}m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData"]
    return [*small, f"-Djava.io.tmpdir={scratch}"]


@cache
def find() -> Path:
    """Java 17 or newer, from JAVA_HOME or else from PATH. Raises `TrendsError` that names the package to install."""
    home = os.environ.get("JAVA_HOME")
    found = str(Path(home) / "bin" / "java") if home else shutil.which("java")
    if found is None or not Path(found).is_file():
        raise TrendsError(f"no Java {OLDEST} or newer found", where="JAVA_HOME" if home else "PATH", next_step=INSTALL)
    version = version_of(_output_of(found))
    if version < OLDEST:
        raise TrendsError(f"Java {version} is too old: {OLDEST} or newer is needed", where=found, next_step=INSTALL)
    return Path(found)


def version_of(said: str) -> int:
    """The major version in the output of `java -version`; 0 where it has none."""
    match = re.search(r'version "(?:1\.)?(\d+)', said)
    return int(match[1]) if match else 0


def _output_of(java: str) -> str:
    try:
        told = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=30, check=False)  # noqa: S603 - Java
        return told.stderr
    except (OSError, subprocess.TimeoutExpired) as error:
        raise TrendsError(f"does not run: {error}", where=java, next_step=INSTALL) from None
