"""Whose turn it is: one far partition after the other, and all together when none is far."""

from hypothesis import given
from hypothesis import strategies as st

from batch_layer.delivery.read_order import Backlog, next_turn

FAR = 10


def test_partitions_that_are_nearly_at_their_end_are_read_together() -> None:
    assert next_turn(None, {}, FAR) is None
    assert next_turn(None, {0: Backlog(50, FAR), 1: Backlog(0, 0)}, FAR) is None


def test_of_those_that_are_far_behind_the_fullest_is_first_and_of_equals_the_first() -> None:
    assert next_turn(None, {0: Backlog(90, 3), 1: Backlog(5, 11), 2: Backlog(7, 11)}, FAR) == 2
    assert next_turn(None, {2: Backlog(0, 99), 1: Backlog(0, 99)}, FAR) == 1


def test_a_turn_lasts_to_the_end_of_its_partition_and_no_longer_than_it_is_ours() -> None:
    held = {0: Backlog(0, 1), 1: Backlog(9, 99)}
    assert next_turn(0, held, FAR) == 0
    assert next_turn(0, held | {0: Backlog(50, 0)}, FAR) == 1
    assert next_turn(2, held, FAR) == 1


@given(st.lists(st.integers(0, 500), min_size=1, max_size=6), st.integers(1, 60))
def test_all_is_read_and_only_what_is_near_its_end_side_by_side(lags: list[int], step: int) -> None:
    held = {partition: Backlog(0, lag) for partition, lag in enumerate(lags)}
    reading: int | None = None
    switches = 0
    while any(each.lag for each in held.values()):
        turn = next_turn(reading, held, FAR)
        switches += turn not in (None, reading)
        assert turn is not None or all(each.lag <= FAR for each in held.values())
        for partition, each in held.items():
            if turn in (None, partition):
                held[partition] = Backlog(each.records + min(step, each.lag), each.lag - min(step, each.lag))
        reading = turn
    assert switches == sum(lag > FAR for lag in lags)
