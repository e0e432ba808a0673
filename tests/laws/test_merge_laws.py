"""Laws of merge: one layer an hour, sums of hours with a stated error, ties by rule."""

from collections import Counter
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from ingest.hours import Hour
from serving.answers.merge import View, competition, first, merge, total
from serving.views.documents import Origin, Row, rank

TAGS = st.sampled_from(["a", "b", "paris", "é", "日本", "😀", "z" * 50])
COUNTS = st.dictionaries(TAGS, st.integers(1, 6), max_size=7)
BASE = Hour.parse("2017-01-06T07")


def view(hour: Hour, counts: dict[str, int], origin: Origin = "batch", keep: int = 1000) -> View:
    ranked = rank(Counter(counts))
    rows = tuple(Row(tag, tag.upper(), count) for tag, count in ranked[:keep])
    tied = sum(count == rows[-1].count for _, count in ranked[keep:]) if rows else 0
    return View(hour, origin, "final", rows, tied, sum(counts.values()), len(counts), 1, "1", 0)


@given(COUNTS)
def test_rows_are_ordered_by_count_then_code_point(counts: dict[str, int]) -> None:
    ordered = rank(Counter(counts))
    for (tag, count), (next_tag, next_count) in pairwise(ordered):
        assert count > next_count or (count == next_count and [*map(ord, tag)] < [*map(ord, next_tag)])


@given(COUNTS)
def test_a_competition_rank_is_one_more_than_the_rows_with_more_uses(counts: dict[str, int]) -> None:
    rows = view(BASE, counts).rows
    assert competition(rows) == [1 + sum(other.count > row.count for other in rows) for row in rows]


@given(COUNTS, st.integers(1, 8), st.integers(1, 8))
def test_cutting_counts_every_tie_that_it_cuts_off(counts: dict[str, int], keep: int, n: int) -> None:
    kept = view(BASE, counts, keep=keep)
    answer = first(kept, n)
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
    answer = total(views, BASE, until, n)
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
