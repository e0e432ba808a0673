"""Spark's Kafka source: jars that pyspark does not bring. A Spark session of a feed gets their paths."""

from collections.abc import Callable

from config.stack.jars.ivy import Artifact
from config.stack.jars.jar_cache import JarSet, fetch
from config.stack.paths import StackPaths

VERSION = "4.2.0"
"""Of the source. The newest on Maven Central; it works with the pyspark of requirements.lock, which is newer."""
JARS = JarSet(
    "spark",
    f"kafka-{VERSION}",
    (
        (
            "lib",
            (
                Artifact("org.apache.spark", "spark-sql-kafka-0-10_2.13", VERSION, alone=True),
                Artifact("org.apache.spark", "spark-token-provider-kafka-0-10_2.13", VERSION, alone=True),
                Artifact("org.apache.commons", "commons-pool2", "2.13.1", alone=True),
                Artifact("org.apache.kafka", "kafka-clients", "4.3.1", alone=True),
            ),
        ),
    ),
    list_name="kafka-jars.txt",
)


def fetch_source(paths: StackPaths, tell: Callable[[str], None]) -> list[str]:
    """The paths of the jars, in the cache; the first call downloads them. `tell` gets the progress.

    Raises `UnavailableError` where the registry does not answer, `TrendsError` where it gives other files than the list
    names.
    """
    fetch(JARS, paths, tell)
    return JARS.classpath(paths)
