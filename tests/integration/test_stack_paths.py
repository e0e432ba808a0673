"""Folders with names that break a syntax: the stack starts in each that is not refused, and refuses in one sentence."""

from pathlib import Path

import pytest

from batch_layer.spark.session import Engine
from batch_layer.storage.hive_server import HiveServer
from bench.harness import stack_settings
from config.stack import launcher
from config.stack.paths import REFUSED
from config.stack.status import states
from tests.support.commands import run_trends
from tests.support.storm import STARTS_S
from tests.support.wait import until

SIGNS = ["a blank", 'a"b', "50%(here)s %d%", "a\\b\\", "a,b", "a #b ;c", "[a]*{b}", "$HOME ${a}"]


def stack(folder: Path) -> Path:
    folder.mkdir()
    return stack_settings.write(folder / "trends.toml", stack_settings.private_stack(folder))


@pytest.mark.parametrize("name", SIGNS)
def test_mongod_zookeeper_and_postgresql_start_in_a_folder_whose_name_has(name: str, tmp_path: Path) -> None:
    """Between them: supervisord's syntax, a command line, Java's properties and YAML."""
    file = stack(tmp_path / name)
    settings = stack_settings.read(file)
    try:
        launcher.up(settings, ["mongo", "zookeeper", "postgres"], lambda *_: None)
        running = {state.name for state in states(settings) if state.state == "running"}
        assert running == {"mongo", "zookeeper", "postgres"}
        assert (tmp_path / name / "state" / "data" / "zookeeper" / "version-2").is_dir()
        assert sorted(path.name for path in (tmp_path / name).iterdir()) == ["state", "trends.toml"]
    finally:
        launcher.down(settings, lambda *_: None)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_everything_starts_in_a_folder_whose_name_has_all_of_them(tmp_path: Path) -> None:
    folder = tmp_path / 'a b"c\\d%20,#[e]=é'
    file = stack(folder)
    settings = stack_settings.read(file)
    spark = Engine(settings.spark, settings.hdfs, settings.stack.state)
    try:
        told = run_trends(file, "up")
        assert told.returncode == 0, told.stderr
        assert {state.state for state in states(settings)} <= {"running", "starting"}
        until(lambda: run_trends(file, "logs", "topology").returncode == 0, "the worker writes its log", STARTS_S)
        spark.session()
        assert spark.log_path.is_file()
    finally:
        spark.close()
        launcher.down(settings, lambda *_: None)
    assert [path.name for path in tmp_path.iterdir()] == [folder.name]


def test_hive_starts_in_a_folder_whose_name_has_all_of_them(tmp_path: Path) -> None:
    settings = stack_settings.read(stack(tmp_path / 'a b"c\\d%20,#[e]=é'))
    try:
        launcher.up(settings, ["hive"], lambda *_: None)
        with HiveServer(settings) as hive:
            hive.execute("CREATE TABLE placed (a INT) STORED AS PARQUET")
            hive.execute("INSERT INTO placed VALUES (1)")
            assert hive.execute("SELECT sum(a) FROM placed GROUP BY a") == [(1,)]
    finally:
        launcher.down(settings, lambda *_: None)
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("sign", [*REFUSED, "\n"])
def test_a_folder_that_some_server_can_not_work_in_is_refused_in_one_sentence(sign: str, tmp_path: Path) -> None:
    file = stack(tmp_path / f"a{sign}b")
    told = run_trends(file, "up", "mongo")
    assert told.returncode == 2
    assert told.stderr.startswith("trends: stack.state: ")
    assert told.stderr.count("\n") == 1
    assert "Choose a path without it" in told.stderr
    assert [path.name for path in (tmp_path / f"a{sign}b").iterdir()] == ["trends.toml"]
