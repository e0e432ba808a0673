"""Kafka query: a structured streaming query over a topic, from positions on. Each batch goes to a function.

A query writes its checkpoint into an empty folder, which it removes in the end: the positions are in the sink.
"""

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as sql
from pyspark.sql.streaming.query import StreamingQuery

from batch_layer.delivery.chunk import Bounds
from batch_layer.sinks.spark_files.java_client import java_options
from config.settings import KafkaSettings

ANSWER_MS = 20_000
"""Longest wait of Spark for one answer of the brokers."""


class Reading(NamedTuple):
    """What a query reads, and how much at a time."""

    settings: KafkaSettings
    topic: str
    positions: Mapping[int, int]
    """Of each partition of the topic."""
    bounds: Bounds
    until_now: bool
    """Whether it ends by itself, at the end of what is there when it starts."""


@contextmanager
def kafka_query(
    spark: SparkSession, reading: Reading, take: Callable[[DataFrame], None], scratch: Path
) -> Iterator[StreamingQuery]:
    """Run a query until the end of the block. `take` gets each batch, in a thread of its own.

    A batch has a task for each partition that has messages, which gets them in order of offset, with the columns of
    `partition_task.COLUMNS`. The checkpoint is a folder in `scratch`.
    """
    read = spark.readStream.format("kafka").options(**_options(reading)).load()
    messages = read.select("partition", "offset", "value", "key", sql.unix_millis("timestamp").alias("sent_at"))
    scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="checkpoint-", dir=scratch, ignore_cleanup_errors=True) as checkpoint:
        write = messages.writeStream.option("checkpointLocation", Path(checkpoint).as_uri())
        write = write.foreachBatch(lambda batch, _: take(batch))
        write = write.trigger(availableNow=True) if reading.until_now else write.trigger(processingTime="0 seconds")
        query = write.start()
        try:
            yield query
        finally:
            query.stop()


def _options(reading: Reading) -> dict[str, str]:
    bounds = reading.bounds
    client = java_options(reading.settings) | {
        "isolation.level": "read_committed",
        "request.timeout.ms": f"{ANSWER_MS // 2}",
        "default.api.timeout.ms": f"{ANSWER_MS}",
    }
    packet = {"maxOffsetsPerTrigger": f"{bounds.records}"}
    if not reading.until_now:
        packet |= {"minOffsetsPerTrigger": f"{bounds.records}", "maxTriggerDelay": f"{bounds.age_ms}ms"}
    return {
        "subscribe": reading.topic,
        "startingOffsets": json.dumps({reading.topic: {str(each): at for each, at in reading.positions.items()}}),
        "failOnDataLoss": "true",
        "fetchOffset.numRetries": "1",
        "kafkaConsumer.pollTimeoutMs": f"{ANSWER_MS}",
        **packet,
        **{f"kafka.{name}": value for name, value in client.items()},
    }
