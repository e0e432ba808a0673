"""What Spark is started with."""

from pathlib import Path

import pytest
from pyspark import SparkConf

from batch_layer.spark.session import LONG_POSTS, Engine, configuration
from config.errors import UnavailableError
from config.settings import HdfsSettings, SparkSettings

FIRST_COMPILER_ALONE = "-XX:TieredStopAtLevel=1"


def java(spark: SparkSettings, posts: int) -> str:
    return configuration(spark, HdfsSettings(), Path("/state"), posts)["spark.driver.extraJavaOptions"]


def test_a_long_history_gets_both_of_javas_compilers_on_one_machine_and_a_cluster_always() -> None:
    assert FIRST_COMPILER_ALONE in java(SparkSettings(), 0)
    assert FIRST_COMPILER_ALONE in java(SparkSettings(), LONG_POSTS - 1)
    assert FIRST_COMPILER_ALONE not in java(SparkSettings(), LONG_POSTS)
    assert FIRST_COMPILER_ALONE not in java(SparkSettings(master="yarn"), 0)


def test_spark_on_one_machine_asks_whoever_reaches_its_ports_for_a_secret() -> None:
    assert configuration(SparkSettings(), HdfsSettings(), Path("/state"), 0)["spark.authenticate"] == "true"
    assert "spark.authenticate" not in configuration(SparkSettings(master="yarn"), HdfsSettings(), Path("/state"), 0)


def test_what_the_settings_say_of_java_comes_last_so_it_wins() -> None:
    asked = SparkSettings(conf={"spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=4"})
    assert java(asked, 0).endswith("-XX:TieredStopAtLevel=4")


def test_more_of_ours_comes_before_the_settings() -> None:
    asked = SparkSettings(conf={"spark.one": "settings"})
    more = {"spark.one": "ours", "spark.jars": "file:///a.jar"}
    found = configuration(asked, HdfsSettings(), Path("/state"), 0, more)
    assert (found["spark.one"], found["spark.jars"]) == ("settings", "file:///a.jar")


def test_no_secret_of_spark_is_on_the_command_line_of_its_java(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """All of the command line is what `launch_gateway` is given; the rest goes through the gateway to the driver."""
    shown: dict[str, str] = {}

    def launch(conf: SparkConf, _: object) -> None:
        shown.update(conf.getAll())
        raise OSError("far enough")

    monkeypatch.setattr("batch_layer.spark.session.launch_gateway", launch)
    conf = {"spark.hadoop.fs.s3a.secret.key": "very-secret", "spark.hadoop.fs.s3a.endpoint": "here"}
    engine = Engine(SparkSettings(conf=conf), HdfsSettings(), tmp_path)
    with pytest.raises(UnavailableError, match="far enough"):
        engine.session()
    assert shown["spark.hadoop.fs.s3a.endpoint"] == "here"
    assert "very-secret" not in shown.values()
