"""The recount of a feed's sink: what adds up, and each thing that can be wrong."""

import pytest

from batch_layer.feeds.feed_verify import PartitionRecount, recount, sum_of
from batch_layer.sinks.contract import Standing

SOUND = Standing(position=10, kept=4, rejected=1, left_out=1, gaps=((0, 2, "retention"),), committed_at=None)
ROWS, ACCEPTED, REJECTS = [2, 3, 5, 9], {1, 2, 3, 4, 5, 6, 9}, {4}


def test_rows_rejects_gaps_and_records_left_out_make_up_what_was_accepted() -> None:
    found = recount("t/0", SOUND, ROWS, ACCEPTED, REJECTS)
    assert found == PartitionRecount(accepted=7, kept=4, rejected=1, left_out=1, lost=1, wrong=[])
    assert sum_of("csv", [found, found]).accepted == 14


def test_rows_behind_the_position_do_not_count() -> None:
    assert recount("t/0", SOUND, [*ROWS, 10, 11], ACCEPTED, REJECTS).wrong == []


def test_rows_that_retention_has_deleted_from_kafka_count_as_accepted() -> None:
    found = recount("t/0", SOUND._replace(gaps=()), ROWS, {4, 5, 6, 9}, REJECTS)
    assert (found.accepted, found.wrong) == (6, [])


@pytest.mark.parametrize(
    ("rows", "standing", "rejects", "why"),
    [
        ([2, 3, 3, 5, 9], SOUND, REJECTS, "1 offset in several rows: 3"),
        ([2, 3, 5], SOUND, REJECTS, "2 offsets in no row, and the sink left out 1: 6, 9"),
        ([2, 3, 4, 5, 9], SOUND, REJECTS, "1 offset in a row and among the rejects: 4"),
        ([2, 3, 5, 7, 9], SOUND, REJECTS, "1 offset in a row that nobody accepted: 7"),
        (ROWS, SOUND._replace(left_out=0), REJECTS, "1 offset in no row, and the sink left out 0: 6"),
        ([*ROWS, 6], SOUND, REJECTS, "the sink left out 1, and no offset is missing"),
        (ROWS, SOUND._replace(kept=5), REJECTS, "4 rows, and the count of the sink is 5"),
        (ROWS, SOUND, set(), "2 offsets in no row, and the sink left out 1: 4, 6"),
    ],
)
def test_what_does_not_add_up_is_named(rows: list[int], standing: Standing, rejects: set[int], why: str) -> None:
    assert f"t/0: {why}" in recount("t/0", standing, rows, ACCEPTED, rejects).wrong
