"""Who counts a partition now, by the heartbeats that spouts left."""

from datetime import UTC, datetime, timedelta

from speed_layer.heartbeats import Heartbeat, drop_replaced

NOON = datetime(2017, 1, 6, 12, tzinfo=UTC)


def heartbeat(writer: str, since_s: int, seen_s: int, partition: int = 0) -> Heartbeat:
    return Heartbeat(partition, writer, NOON + timedelta(seconds=since_s), NOON + timedelta(seconds=seen_s))


def test_two_that_overlap_both_write() -> None:
    heartbeats = [heartbeat("a", 0, 20), heartbeat("b", 10, 15)]
    assert drop_replaced(heartbeats) == heartbeats


def test_one_that_followed_a_dead_one_writes_alone() -> None:
    dead, alive = heartbeat("a", 0, 10), heartbeat("a", 18, 25)
    assert drop_replaced([dead, alive]) == [alive]
    assert drop_replaced([dead, alive, heartbeat("zombie", 5, 25)]) == [alive, heartbeat("zombie", 5, 25)]


def test_other_partitions_are_other_matters() -> None:
    heartbeats = [heartbeat("a", 0, 10), heartbeat("b", 18, 25, partition=1)]
    assert drop_replaced(heartbeats) == heartbeats
