"""Asking the command as a user does: its own process for what runs, in this one for what only asks."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from serving.cli import main
from tests.support.oracle import Hours, top

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent


def environment(**more: str) -> dict[str, str]:
    """What a user's shell has: the project's commands first on the path."""
    return {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", "LEIN_ROOT": "1", **more}


def run(*arguments: str, timeout_s: float = 300, variables: Mapping[str, str] | None = None) -> str:
    """Run `trends …` in a process of its own; it must exit with 0. Its standard output."""
    done = subprocess.run(
        ["trends", *arguments],
        cwd=ROOT,
        env=environment(**(variables or {})),
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    assert done.returncode == 0, f"trends {' '.join(arguments)}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr, done.stderr
    return done.stdout


def ask(*arguments: str, exits: int = 0) -> dict[str, Any]:
    """Ask `trends … --json` in this process."""
    told = CliRunner().invoke(main, [*arguments, "--json"])
    assert told.exit_code == exits, told.output
    answer: dict[str, Any] = json.loads(told.stdout)
    return answer


def assert_answers(expected: Hours, *options: str, **same: Any) -> None:
    """Every hour's top 10, ties beyond, uses and tags equal the oracle's, and `same` holds for every answer."""
    asked = 0
    for hour, counts in expected.items():
        if not counts and "batch" not in options:
            continue
        answer = ask("top", "--hour", hour, *options)
        wanted = top(counts)
        assert [(row["tag"], row["count"]) for row in answer["top"]] == wanted, hour
        last = wanted[-1][1] if wanted else 0
        tied = sum(count == last for count in counts.values()) - sum(count == last for _, count in wanted)
        assert (answer["tied_beyond"], answer["uses"], answer["tags"]) == (tied, counts.total(), len(counts)), hour
        assert {key: answer[key] for key in same} == same, hour
        asked += 1
    assert asked > 20, "an empty comparison proves nothing"
