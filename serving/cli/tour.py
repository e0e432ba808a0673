"""Tours: what the demos share. Each step has a title, and prints the command that a user would type."""

import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import click

from config.errors import TrendsError


def title(text: str) -> None:
    """Print the title of a step."""
    click.secho(f"\n── {text} ──", bold=True)


def echo_command(*arguments: str, variables: Mapping[str, str] | None = None) -> None:
    """Print a command line."""
    words = [*(f"{name}={shlex.quote(value)}" for name, value in (variables or {}).items()), "trends"]
    click.secho(f"$ {' '.join(words)} {shlex.join(arguments)}", fg="cyan")
    sys.stdout.flush()


def run_command(*arguments: str, capture: bool = False) -> str:
    """Print a command line and run it; its standard output where it is captured. Raises `TrendsError`."""
    echo_command(*arguments)
    command = [str(Path(sys.executable).with_name("trends")), *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE if capture else None, check=False)  # noqa: S603 - our own
    if done.returncode:
        raise TrendsError(
            f"exit code {done.returncode}", where=f"trends {shlex.join(arguments)}", next_step="See above"
        )
    return done.stdout.decode() if capture else ""
