"""What Spark is started with."""

from pathlib import Path

from batch_layer.spark import LONG_POSTS, configuration
from config.settings import HdfsSettings, SparkSettings

FIRST_COMPILER_ALONE = "-XX:TieredStopAtLevel=1"


def java(spark: SparkSettings, posts: int) -> str:
    return configuration(spark, HdfsSettings(), Path("/state"), posts)["spark.driver.extraJavaOptions"]


def test_a_long_history_gets_both_of_javas_compilers_on_one_machine_and_a_cluster_always() -> None:
    assert FIRST_COMPILER_ALONE in java(SparkSettings(), 0)
    assert FIRST_COMPILER_ALONE in java(SparkSettings(), LONG_POSTS - 1)
    assert FIRST_COMPILER_ALONE not in java(SparkSettings(), LONG_POSTS)
    assert FIRST_COMPILER_ALONE not in java(SparkSettings(master="yarn"), 0)


def test_what_the_settings_say_of_java_comes_last_so_it_wins() -> None:
    asked = SparkSettings(conf={"spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=4"})
    assert java(asked, 0).endswith("-XX:TieredStopAtLevel=4")
