"""Spark's source for Kafka, which pyspark does not bring: from Maven Central, once, by the Ivy that it does bring."""

import tempfile
from pathlib import Path

import click

from bench.harness.trial import AbsentError
from config.errors import UnavailableError
from config.stack.jars import java
from config.stack.jars.ivy import Artifact, Ivy

_SPARK, _KAFKA, _COMMONS = "org.apache.spark", "org.apache.kafka", "org.apache.commons"
# The source of pyspark's own release does not resolve whole; this one works with it.
_JARS = (
    Artifact(_SPARK, "spark-sql-kafka-0-10_2.13", "4.2.0", alone=True),
    Artifact(_SPARK, "spark-token-provider-kafka-0-10_2.13", "4.1.0-preview1", alone=True),
    Artifact(_KAFKA, "kafka-clients", "3.9.2", alone=True),
    Artifact(_COMMONS, "commons-pool2", "2.13.1", alone=True),
)


def kafka_source(state: Path) -> str:
    """The jars as `spark.jars` wants them. Raises `AbsentError` where Ivy can't fetch them."""
    target = state / "spark-kafka"
    if not target.is_dir():
        click.echo("fetching Spark's Kafka source", err=True)
        with tempfile.TemporaryDirectory(dir=state) as scratch:
            partial = Path(scratch) / "jars"
            try:
                Ivy(java.find(), Path(scratch)).resolve(_JARS, partial)
            except UnavailableError as error:
                raise AbsentError(f"Spark's Kafka source does not resolve: {error.what[:200]}") from None
            partial.rename(target)
    return ",".join(str(jar) for jar in sorted(target.rglob("*.jar")))
