"""The distribution: its name, and the extras that bring what a command may lack."""

import re
import runpy
import subprocess
import tomllib
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hatchling.bridge.app import Application
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from config import distribution
from serving.cli import main

ROOT = Path(__file__).parents[3]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = {extra: [Requirement(line) for line in lines] for extra, lines in PROJECT["optional-dependencies"].items()}
BASE = {canonicalize_name(Requirement(line).name) for line in PROJECT["dependencies"]}
HEAVY = re.compile(r"^(pyspark|pandas|pyarrow|numpy|streamparse|playwright|mypy|pytest|ruff|uv)==", re.MULTILINE)


def pinned(lock: str) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9-]+)==([^ ;]+)", (ROOT / lock).read_text(), re.MULTILINE))


def test_the_name_is_that_of_the_project() -> None:
    assert PROJECT["name"] == distribution.NAME


@pytest.mark.parametrize("module", distribution.EXTRAS)
def test_the_extras_that_an_error_names_bring_the_module(module: str) -> None:
    for extra in distribution.EXTRAS[module]:
        names = {canonicalize_name(each.name) for each in EXTRAS[extra]}
        brought = names | {need for name in names for need in needs(name)}
        assert brought & {canonicalize_name(each) for each in packages_distributions().get(module, ())}


def needs(name: str) -> set[str]:
    """The distributions that one requires; none where it is not for this platform."""
    try:
        lines = requires(name) or []
    except PackageNotFoundError:
        return set()
    return {canonicalize_name(Requirement(line).name) for line in lines}


def test_the_base_has_nothing_that_weighs() -> None:
    assert not [name for name in BASE if HEAVY.match(f"{name}==")]


def test_the_lock_of_what_runs_is_that_of_development_without_its_tools() -> None:
    runtime, development = pinned("requirements.lock"), pinned("requirements-dev.lock")
    assert runtime.items() < development.items()
    assert not {"mypy", "playwright", "pytest", "ruff", "uv"} & runtime.keys()


def test_the_lock_of_development_has_each_extra_but_the_one_that_compiles() -> None:
    (recipe,) = re.findall(r"\$\(LOCK\) (.*) --output-file requirements-dev\.lock", (ROOT / "Makefile").read_text())
    taken = set(re.findall(r"--extra (\S+)", recipe))
    taken |= {extra for each in EXTRAS["all"] for extra in each.extras}
    assert "--all-extras" not in recipe
    assert EXTRAS.keys() - taken == {"kerberos"}
    assert "requests-kerberos" not in pinned("requirements-dev.lock")


def test_nobody_is_told_to_install_the_other_project() -> None:
    named = subprocess.run(
        ["git", "grep", "-lE", r"(install|['\" ])trends\[[a-z]", "--", "*.py", "*.md", "*.yml", "Makefile", "deploy"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.split()
    assert [name for name in named if not name.startswith("tests/")] == []


def test_a_command_that_lacks_a_package_names_the_extra(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(distribution, "CHECKOUT", tmp_path)
    monkeypatch.chdir(tmp_path)
    missing = ModuleNotFoundError("No module named 'pyspark'", name="pyspark.sql")
    monkeypatch.setattr("config.settings.Settings.read", lambda: (_ for _ in ()).throw(missing))
    done = CliRunner().invoke(main, ["config"])
    assert (done.exit_code, done.stderr) == (
        1,
        "trends: pyspark.sql is not installed. `pip install 'trends-lambda[batch]'`\n",
    )


def test_a_checkout_tells_its_commit() -> None:
    said = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, check=True, text=True).stdout
    assert said.startswith(distribution.commit().removesuffix("-dirty"))


@pytest.mark.parametrize("git", [None, "#!/bin/sh\necho 'dubious ownership' >&2\nexit 128\n"])
def test_a_build_without_git_has_no_commit_and_says_so(
    git: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    project, programs = tmp_path / "project", tmp_path / "bin"
    (project / ".git").mkdir(parents=True)
    programs.mkdir()
    if git:
        (programs / "git").write_text(git)
        (programs / "git").chmod(0o700)
    monkeypatch.setenv("PATH", str(programs))
    hook_of = runpy.run_path(str(ROOT / "hatch_build.py"))["PlatformHook"]
    hook = hook_of(str(project), {}, None, None, str(tmp_path), "sdist", Application())
    data: dict[str, Any] = {"force_include": {}}
    hook.initialize("standard", data)
    assert data["force_include"] == {}
    said = "".join(capsys.readouterr())
    assert "names no commit" in said
    assert ("dubious ownership" if git else "No such file") in said
