"""The wheel that a release ships: version, licence, type information, and the data files that the code reads."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from config.distribution import NAME, commit
from config.settings import Settings

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGES = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    return zipfile.ZipFile(next(folder.glob("*.whl")))


def text(wheel: zipfile.ZipFile, name: str) -> str:
    return next(wheel.read(each).decode() for each in wheel.namelist() if each.endswith(f".dist-info/{name}"))


@pytest.mark.parametrize("package", PACKAGES)
def test_each_package_ships_its_type_information(wheel: zipfile.ZipFile, package: str) -> None:
    assert f"{package}/py.typed" in wheel.namelist()


def test_the_wheel_has_the_version_and_the_licence_of_the_project(wheel: zipfile.ZipFile) -> None:
    metadata = text(wheel, "METADATA").splitlines()
    assert f"Version: {PROJECT['project']['version']}" in metadata
    assert "License-Expression: Apache-2.0" in metadata
    assert "Copyright 2026 the trends authors" in text(wheel, "licenses/LICENSE")


def test_the_wheel_holds_every_file_of_the_packages(wheel: zipfile.ZipFile) -> None:
    listed = subprocess.run(["git", "ls-files", "-z", *PACKAGES], cwd=ROOT, capture_output=True, check=True, text=True)
    files = {name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()}
    assert files <= set(wheel.namelist())
    assert "config/prometheus/alerts.yml" in wheel.namelist()
    project = {"tasks.py", *(path.relative_to(ROOT).as_posix() for path in (ROOT / "topologies").glob("*.py"))}
    assert {f"speed_layer/storm/project/{name}" for name in project} <= set(wheel.namelist())


def test_the_wheel_tells_the_commit_that_it_comes_from(wheel: zipfile.ZipFile) -> None:
    assert wheel.read("config/commit.txt").decode().strip() == commit()


def test_the_command_says_the_version_of_the_project() -> None:
    trends = Path(sys.executable).with_name("trends")
    said = subprocess.run([trends, "--version"], capture_output=True, check=True, text=True).stdout
    assert re.fullmatch(
        rf"trends {PROJECT['project']['version']}, commit [0-9a-f]{{12}}(-dirty)?, hashtag rule \d+\n", said
    )


def test_the_changelog_begins_with_the_version_and_the_image_is_tagged_with_it() -> None:
    version = PROJECT["project"]["version"]
    lines = (ROOT / "CHANGELOG.md").read_text().splitlines()
    releases = [line for line in lines if line.startswith("## ") and line != "## [Unreleased]"]
    assert releases[0].startswith(f"## [{version}] ")
    assert f"image: trends:{version}\n" in (ROOT / "docker-compose.yml").read_text()


def pythons() -> dict[tuple[int, int, int], Path]:
    """The CPython that runs this, and those on PATH and of pyenv, by version; none without a global lock."""
    found: dict[tuple[int, int, int], Path] = {sys.version_info[:3]: Path(sys.executable)}
    names = [f"python3.{minor}" for minor in range(11, 20)]
    on_path = [Path(path) for name in names if (path := shutil.which(name))]
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    for python in [*on_path, *pyenv.glob("*/bin/python")]:
        tell = "import sys, sysconfig; print(*sys.version_info[:3], sysconfig.get_config_var('Py_GIL_DISABLED') or 0)"
        done = subprocess.run([python, "-c", tell], capture_output=True, text=True, check=False)
        if done.returncode == 0 and done.stdout.split()[3:] == ["0"]:
            major, minor, micro, _ = map(int, done.stdout.split())
            found.setdefault((major, minor, micro), python)
    return {version: python for version, python in found.items() if version >= (3, 11)}


FOUND = pythons()


@pytest.mark.parametrize("version", sorted({min(FOUND), max(FOUND)}), ids=lambda version: ".".join(map(str, version)))
def test_the_wheel_starts_a_server_from_an_empty_folder_and_the_newest_python_submits(
    wheel: zipfile.ZipFile, stack: Settings, tmp_path: Path, version: tuple[int, int, int]
) -> None:
    environment, folder = tmp_path / "environment", tmp_path / "empty"
    folder.mkdir()
    run([sys.executable, "-m", "uv", "--quiet", "venv", "--python", str(FOUND[version]), str(environment)], tmp_path)
    package = f"{NAME}[speed] @ {Path(str(wheel.filename)).as_uri()}"
    install = [sys.executable, "-m", "uv", "--quiet", "pip", "install", "--python", str(environment / "bin" / "python")]
    run([*install, "--constraint", str(ROOT / "requirements.lock"), package], tmp_path)
    name = f"wheel_{'_'.join(map(str, version))}"
    variables = {each: value for each, value in os.environ.items() if not each.startswith(("TRENDS_", "PYTHON"))} | {
        "TRENDS_STACK__PORT_OFFSET": str(free_offset()),
        "TRENDS_STORM__NIMBUS": stack.storm.nimbus,
        "TRENDS_STORM__TOPOLOGY": name,
    }

    def trends(*arguments: str) -> str:
        return run([str(environment / "bin" / "trends"), *arguments], folder, variables)

    try:
        trends("up", "kafka")
        assert [path.name for path in folder.iterdir()] == ["state"]
        if version == max(FOUND):  # the checkout's tests submit with the Python that runs them
            trends("topology", "submit")
            assert name in [each["name"] for each in json.loads(trends("topology", "list", "--json"))]
            trends("topology", "kill", "--wait", "0")
    finally:
        trends("down")


def run(command: list[str], folder: Path, variables: dict[str, str] | None = None) -> str:
    """The output of a command that must succeed."""
    done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}: {done.stdout}\n{done.stderr}"
    return done.stdout


def free_offset() -> int:
    """An offset at which the ports of Kafka are free."""
    return next(offset for offset in range(14_000, 20_000, 13) if all(map(is_free, (9092 + offset, 9093 + offset))))


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0
