"""Spark Structured Streaming, foreachBatch: each batch and its number in one transaction, so each counts once.

Arguments: brokers, topic, URI, database, folder for checkpoints, the Kafka source's jars. Runs until a signal ends it.
"""

from collections import Counter
from typing import Any

from pymongo.errors import DuplicateKeyError
from pyspark.sql import DataFrame, SparkSession

from bench.harness.subprocess_run import arguments
from bench.peers.folded import database_of, rows

MOST_A_BATCH = 50_000
"""So that the transaction of a batch of thin hours ends within the server's limit."""


def session(jars: str) -> SparkSession:
    """As much of this machine as there is, and few tasks."""
    builder = SparkSession.builder.master("local[*]").config("spark.jars", jars)
    for name, value in {
        "spark.ui.enabled": "false",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.sql.shuffle.partitions": "2",
    }.items():
        builder = builder.config(name, value)
    spark: SparkSession = builder.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    return spark


def main() -> None:
    """Stream."""
    brokers, topic, uri, name, checkpoints, jars = arguments()
    database = database_of(uri, name)
    database.create_collection("batches")

    def write(batch: DataFrame, number: int) -> None:
        folded = batch.groupBy("use.hour", "use.tag").count().collect()
        counts = Counter({(row["hour"], row["tag"]): row["count"] for row in folded})
        if counts:
            _once(database, number, counts)

    spark = session(jars)
    read = spark.readStream.format("kafka").option("kafka.bootstrap.servers", brokers).option("subscribe", topic)
    read = read.option("startingOffsets", "earliest").option("kafka.isolation.level", "read_committed")
    uses = (
        read.option("maxOffsetsPerTrigger", MOST_A_BATCH)
        .load()
        .selectExpr("from_json(cast(value AS string), 'hour string, tag string') AS use")
    )
    stream = uses.writeStream.foreachBatch(write).option("checkpointLocation", checkpoints)
    stream.start().awaitTermination()


def _once(database: Any, number: int, counts: Counter[tuple[str, str]]) -> None:
    def work(session: Any) -> None:
        database["batches"].insert_one({"_id": number}, session=session)
        database["uses"].bulk_write(rows(counts), ordered=False, session=session)

    with database.client.start_session() as session:
        try:
            session.with_transaction(work)
        except DuplicateKeyError:
            return  # an earlier run committed this batch


if __name__ == "__main__":
    main()
