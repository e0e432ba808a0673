"""Laws of merge: one layer an hour, sums of hours with a stated error, ties by rule."""

from collections import Counter
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from serving.answers.merge import competition_ranks, merge, sum_hours, truncate
from serving.views.documents import rank
from tests.support.ranked_views import BASE, COUNTS, view


@given(COUNTS)
def test_rows_are_ordered_by_count_then_code_point(counts: dict[str, int]) -> None:
    ordered = rank(Counter(counts))
    for (tag, count), (next_tag, next_count) in pairwise(ordered):
        assert count > next_count or (count == next_count and [*map(ord, tag)] < [*map(ord, next_tag)])


@given(COUNTS)
def test_a_competition_rank_is_one_more_than_the_rows_with_more_uses(counts: dict[str, int]) -> None:
    rows = view(BASE, counts).rows
    assert competition_ranks(rows) == [1 + sum(other.count > row.count for other in rows) for row in rows]


@given(COUNTS, st.integers(1, 8), st.integers(1, 8))
def test_cutting_counts_every_tie_that_it_cuts_off(counts: dict[str, int], keep: int, n: int) -> None:
    kept = view(BASE, counts, keep=keep)
    answer = truncate(kept, n)
    assert answer.rows == kept.rows[:n]
    if n <= keep and answer.rows:
        tied = sum(count == answer.rows[-1].count for count in counts.values())
        assert answer.tied_beyond == tied - sum(row.count == answer.rows[-1].count for row in answer.rows)


@given(COUNTS, COUNTS, st.booleans(), st.booleans())
def test_an_hour_is_answered_by_one_layer_and_batch_goes_first(
    batch: dict[str, int], speed: dict[str, int], has_batch: bool, has_speed: bool
) -> None:
    one = view(BASE, batch, "batch") if has_batch else None
    other = view(BASE, speed, "speed") if has_speed else None
    assert merge(one, other) is (one or other)


@given(st.lists(COUNTS, max_size=6), st.integers(0, 6), st.integers(1, 8), st.integers(1, 8))
def test_before_a_split_batch_and_after_it_speed_is_the_whole(
    hours: list[dict[str, int]], split: int, n: int, keep: int
) -> None:
    views = [
        view(BASE.plus(at), counts, "batch" if at < split else "speed", keep if at < split else 1000)
        for at, counts in enumerate(hours)
        if counts
    ]
    until = BASE.plus(len(hours))
    answer = sum_hours(views, BASE, until, n)
    truth: Counter[str] = Counter()
    for counts in hours:
        truth.update(counts)
    for row in answer.rows:
        assert truth[row.tag] - answer.max_error <= row.count <= truth[row.tag]
    for tag, count in truth.items():
        assert tag in {row.tag for each in views for row in each.rows} or count <= answer.max_error
    if answer.max_error == 0:
        assert [(row.tag, row.count) for row in answer.rows] == rank(truth)[:n]
        assert answer.tags == len(truth)
    assert {*answer.missing} | {each.hour for each in views} == {BASE.plus(at) for at in range(len(hours))}
