"""What `sparse submit` finds in the project's root, and what our hook adds."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from config.errors import UnavailableError
from config.settings import Settings, StormSettings
from speed_layer.storm import submission
from speed_layer.worker import CONNECT_S

ROOT = Path(__file__).parents[3]
ENVIRONMENTS = {"local": "config/storm/streamparse.json", "cluster": "config/storm/streamparse.cluster.json"}
FINDS_HOOK = """
import warnings; warnings.simplefilter("ignore")
import streamparse.cli.submit as submit
from streamparse.util import get_topology_definition, get_topology_from_file
options = {}
submit._pre_submit_hooks("hashtag_counts", "local", {}, options)
name, file = get_topology_definition()
topology = get_topology_from_file(file)
print(submit.jar_for_deploy(simple_jar=True), name, sorted(topology.thrift_bolts), options)
"""


def test_the_jar_is_the_smallest_that_storm_takes() -> None:
    with zipfile.ZipFile(submission.empty_jar("some")) as jar:
        assert jar.namelist() == ["resources/topology.txt"]


def test_streamparse_finds_the_hook_and_the_topology_in_the_root(tmp_path: Path) -> None:
    settings_file = tmp_path / "trends.toml"
    settings_file.touch()
    told = subprocess.run(
        [sys.executable, "-c", FINDS_HOOK],
        cwd=ROOT,
        env={"TRENDS_CONFIG": str(settings_file), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout
    assert "Prepared hashtag_counts for local" in told
    assert "hashtag_counts.jar hashtag_counts ['counts']" in told
    assert str({"topology.environment": {"TRENDS_CONFIG": str(settings_file)}}) in told


def test_an_option_that_names_a_settings_file_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "trends.toml").touch()
    monkeypatch.setenv("TRENDS_CONFIG", str(tmp_path / "trends.toml"))
    options: dict[str, Any] = {"topology.environment": {"TRENDS_CONFIG": "/etc/trends.toml", "TZ": "UTC"}}
    submission.pass_settings_on(options)
    assert options == {"topology.environment": {"TRENDS_CONFIG": "/etc/trends.toml", "TZ": "UTC"}}


def test_without_a_settings_file_nothing_is_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRENDS_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    options: dict[str, Any] = {}
    submission.pass_settings_on(options)
    assert options == {}


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_each_file_has_one_environment_so_that_sparse_never_asks_for_it(name: str) -> None:
    config = json.loads((ROOT / ENVIRONMENTS[name]).read_text())
    assert list(config["envs"]) == [name]
    options = config["envs"][name]["options"]
    assert options["topology.enable.message.timeouts"] is True
    assert options["topology.acker.executors"] >= 1
    assert options["topology.subprocess.timeout.secs"] > CONNECT_S


def test_the_local_environment_is_what_sparse_reads_and_settings_default_to() -> None:
    assert (ROOT / "config.json").resolve() == ROOT / ENVIRONMENTS["local"]
    config = json.loads((ROOT / "config.json").read_text())
    assert config["envs"]["local"]["nimbus"] == StormSettings().nimbus
    assert (ROOT / "topologies" / f"{submission.TOPOLOGY}.py").is_file()


def test_a_storm_that_is_down_is_told_in_one_line() -> None:
    settings = Settings(storm=StormSettings(nimbus="127.0.0.1:1"))
    with pytest.raises(UnavailableError, match=r"Storm at 127\.0\.0\.1:1: .*trends logs nimbus") as told:
        submission.submit(settings)
    assert "\n" not in str(told.value)
