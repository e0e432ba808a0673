"""What Tab shows, as a shell asks for it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from serving.cli import COMMANDS, main

TRENDS = Path(sys.executable).with_name("trends")


def completed(*words: str) -> list[str]:
    """The words that bash is offered for the last of these."""
    asked = {"_TRENDS_COMPLETE": "bash_complete", "COMP_WORDS": " ".join(words), "COMP_CWORD": str(len(words) - 1)}
    told = subprocess.run([TRENDS], env={**os.environ, **asked}, capture_output=True, text=True, check=False)
    assert told.stderr == ""
    return [line.split(",", 1)[1] for line in told.stdout.splitlines()]


def test_commands_options_and_choices_are_completed() -> None:
    assert completed("trends", "re") == ["rejects", "recompute"]
    assert {"--html", "--png", "--svg"} <= set(completed("trends", "day", "--"))
    assert completed("trends", "day", "--chart", "") == ["bump", "heat"]


def test_commands_are_completed_without_loading_one() -> None:
    check = (
        "import click, sys; from serving.cli import main; offered = main.shell_complete(click.Context(main), 't');"
        "print([each.value for each in offered], 'pymongo' in sys.modules)"
    )
    told = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "['top', 'tag', 'topology'] False"


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_a_shell_gets_its_script(shell: str) -> None:
    told = CliRunner().invoke(main, ["completion", shell])
    assert told.exit_code == 0
    assert f"_TRENDS_COMPLETE={shell}_complete" in told.stdout


def test_bash_takes_the_script() -> None:
    script = CliRunner().invoke(main, ["completion", "bash"]).stdout
    done = subprocess.run(["bash", "-c", f"{script}\ncomplete -p trends"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "trends" in done.stdout


def test_help_is_by_task_and_tells_times_and_exit_codes() -> None:
    told = CliRunner().invoke(main, ["--help"]).stdout
    assert all(f"{title}:" in told for title in COMMANDS)
    assert "3 no data" in told
    assert "monday-7h" in told
