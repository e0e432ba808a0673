"""A Spark task of a sink without Spark: which messages it takes, and errors as values."""

import pyarrow as pa

from batch_layer.delivery.chunk import Bounds
from batch_layer.sinks.spark_files.partition_task import (
    COLUMNS,
    Failure,
    Newcomer,
    Outcome,
    Plan,
    Receipts,
    decode_outcome,
    run_task,
)
from config.settings import HdfsSettings, Settings
from tests.support.feed_files import feed_of, hdfs_sink

NOWHERE = Settings.model_construct(hdfs=HdfsSettings(url="http://127.0.0.1:9", timeout_s=1))
"""No server listens there."""


def outcomes(offsets: list[int], positions: dict[int, int], partition: int = 0) -> list[Outcome]:
    plan = Plan(NOWHERE, feed_of({"s": hdfs_sink()}), "s", Bounds(10, 1_000, 1_000), positions)
    cells = [[partition] * len(offsets), offsets, [b'{"n": 1}'] * len(offsets), [b"key"] * len(offsets), offsets]
    batch = pa.RecordBatch.from_arrays([pa.array(column) for column in cells], list(COLUMNS))
    return [decode_outcome(row["outcome"]) for each in run_task(plan, [batch]) for row in each.to_pylist()]


def test_a_batch_that_comes_again_has_nothing_to_upload() -> None:
    assert outcomes([3, 4, 6], {0: 7}) == [Receipts([])]


def test_a_task_without_messages_says_nothing() -> None:
    assert outcomes([], {0: 7}) == []


def test_a_partition_without_a_position_waits() -> None:
    assert outcomes([0, 1], {0: 7}, partition=1) == [Newcomer(1)]


def test_an_error_that_a_user_can_act_on_is_a_value() -> None:
    (outcome,) = outcomes([6, 7], {0: 7})
    assert isinstance(outcome, Failure)
    error = outcome.error()
    assert error.retriable
    assert "127.0.0.1:9" in str(error)
