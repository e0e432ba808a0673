"""The full history as a textbook has it: whole files into Python, a row a use, grouped by window, ranked by a window.

It does not look for duplicate posts: the input has none.
"""

import os
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from io import BytesIO
from typing import Any

import fastavro
from pyspark.sql import SparkSession, Window
from pyspark.sql import functions as sql

from ingest.rule.hashtags import AS_IS

TOP = 10


def session(memory: str) -> SparkSession:
    """A session with Spark's own settings, but for those that keep it on this machine and as large as ours."""
    os.environ["PYSPARK_PYTHON"] = sys.executable
    builder = SparkSession.builder.master("local[*]").config("spark.driver.memory", memory)
    builder = builder.config("spark.ui.enabled", "false").config("spark.sql.session.timeZone", "UTC")
    builder = builder.config("spark.driver.host", "127.0.0.1").config("spark.driver.bindAddress", "127.0.0.1")
    spark: SparkSession = builder.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    return spark


def stop() -> None:
    """End the session."""
    SparkSession.builder.getOrCreate().stop()


def tops(urls: Sequence[str]) -> dict[str, list[tuple[str, int]]]:
    """The first tags of each hour."""
    spark = SparkSession.builder.getOrCreate()
    uses = spark.sparkContext.binaryFiles(",".join(urls)).flatMap(_uses).toDF("tag string, at timestamp")
    counts = uses.groupBy(sql.window("at", "1 hour"), "tag").count()
    by_rank = Window.partitionBy("window").orderBy(sql.desc("count"), "tag")
    ranked = counts.withColumn("rank", sql.row_number().over(by_rank)).where(sql.col("rank") <= TOP)
    found: dict[str, list[tuple[str, int]]] = defaultdict(list)
    hour = sql.date_format("window.start", "yyyy-MM-dd'T'HH").alias("hour")
    for row in ranked.orderBy("window", "rank").select(hour, "tag", "count").collect():
        found[row["hour"]].append((row["tag"], row["count"]))
    return dict(found)


def _uses(file: tuple[str, bytes]) -> Iterator[tuple[str, Any]]:
    for post in fastavro.reader(BytesIO(file[1])):
        for tag in AS_IS.tags(post["text"], post["tags"]):
            yield tag, post["created_at"]
