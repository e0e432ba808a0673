"""The files that open the project to others are well-formed, and run the tools that requirements-dev.lock pins."""

import json
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.house.repository import ROOT, tracked

READ: dict[str, Callable[[str], Any]] = {
    ".json": json.loads,
    ".toml": tomllib.loads,
    ".yaml": yaml.safe_load,
    ".yml": yaml.safe_load,
}
FILES = [path for path in tracked() if path.suffix in READ and path.relative_to(ROOT).parts[0] != "tests"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_configuration_file_is_well_formed(path: Path) -> None:
    assert READ[path.suffix](path.read_text()) is not None


def test_hosted_ci_runs_what_a_developer_runs_with_least_rights_and_pinned_actions() -> None:
    text = (ROOT / ".github/workflows/ci.yml").read_text()
    workflow: dict[str, Any] = yaml.safe_load(text)
    assert workflow["permissions"] == {"contents": "read"}
    steps = workflow["jobs"]["run"]["steps"]
    assert [step["run"] for step in steps if "run" in step] == [".ci/run"]
    assert all(re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40}", step["uses"]) for step in steps if "uses" in step)
    oldest = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"].removeprefix(">=")
    assert oldest in workflow["jobs"]["run"]["strategy"]["matrix"]["python"]


def test_the_hooks_run_the_tools_of_the_virtual_environment() -> None:
    config: dict[str, Any] = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    hooks = [hook for repo in config["repos"] for hook in repo["hooks"]]
    assert {repo["repo"] for repo in config["repos"]} == {"local"}
    assert {hook["entry"].split()[0] for hook in hooks} == {".venv/bin/ruff", ".venv/bin/mypy"}
