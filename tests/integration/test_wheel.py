"""The wheel that a release ships: version, licence, type information, and the data files that the code reads."""

import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

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


def test_the_command_says_the_version_of_the_project() -> None:
    trends = Path(sys.executable).with_name("trends")
    said = subprocess.run([trends, "--version"], capture_output=True, check=True, text=True).stdout
    assert said == f"trends {PROJECT['project']['version']}\n", "the installed package is older: `make .venv`"


def test_the_changelog_begins_with_the_version_and_the_image_is_tagged_with_it() -> None:
    version = PROJECT["project"]["version"]
    lines = (ROOT / "CHANGELOG.md").read_text().splitlines()
    releases = [line for line in lines if line.startswith("## ") and line != "## [Unreleased]"]
    assert releases[0].startswith(f"## [{version}] ")
    assert f"image: trends:{version}\n" in (ROOT / "docker-compose.yml").read_text()
