"""The dashboard as a process of its own."""

import re
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.support.cli import ROOT, environment


@contextmanager
def serve_process(
    settings_file: Path, *arguments: str, before: Sequence[str] = (), **variables: str
) -> Iterator[subprocess.Popen[str]]:
    """The command in a process of its own, which does not outlive the test."""
    process = subprocess.Popen(
        [*before, "trends", "serve", "--port", "0", *arguments],
        cwd=ROOT,
        env=environment(TRENDS_CONFIG=str(settings_file), **variables),
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def address(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    found = re.match(r"(http://\S+)", process.stderr.readline())
    assert found
    return found[1]
