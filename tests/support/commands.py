"""Commands in processes of their own, run to their end."""

import subprocess
import sys
from pathlib import Path

from bench.harness.stack_settings import environment

TRENDS = str(Path(sys.executable).with_name("trends"))


def run_trends(settings_file: Path, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run `trends …` with one settings file, whatever its exit code."""
    return subprocess.run(
        [TRENDS, *arguments],
        check=False,
        env=environment(settings_file, **variables),
        capture_output=True,
        text=True,
        timeout=120,
    )
