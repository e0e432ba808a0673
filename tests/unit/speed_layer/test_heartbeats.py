"""Who counts a partition now, by the marks that spouts left."""

from datetime import UTC, datetime, timedelta

from speed_layer.heartbeats import Mark, current

NOON = datetime(2017, 1, 6, 12, tzinfo=UTC)


def mark(writer: str, since_s: int, seen_s: int, partition: int = 0) -> Mark:
    return Mark(partition, writer, NOON + timedelta(seconds=since_s), NOON + timedelta(seconds=seen_s))


def test_two_that_overlap_both_write() -> None:
    marks = [mark("a", 0, 20), mark("b", 10, 15)]
    assert current(marks) == marks


def test_one_that_followed_a_dead_one_writes_alone() -> None:
    dead, alive = mark("a", 0, 10), mark("a", 18, 25)
    assert current([dead, alive]) == [alive]
    assert current([dead, alive, mark("zombie", 5, 25)]) == [alive, mark("zombie", 5, 25)]


def test_other_partitions_are_other_matters() -> None:
    marks = [mark("a", 0, 10), mark("b", 18, 25, partition=1)]
    assert current(marks) == marks
