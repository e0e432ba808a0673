"""Laws of the day, of what rises and of a tag's history: they agree with the counts that they were made of."""

from collections import Counter
from math import log

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ingest.hours import Hour
from serving.answers.day import Day, grid
from serving.answers.history import history
from serving.answers.merge import View
from serving.answers.rising import SURE, rising
from serving.views.likelihood import log_likelihood
from tests.support.ranked_views import BASE, COUNTS, view

unhurried = settings(deadline=None)  # the machine may be busy
HOURS = st.lists(COUNTS, min_size=2, max_size=6)
TIMES = st.tuples(st.integers(1, 50), st.integers(0, 500), st.integers(0, 1_000), st.integers(0, 10_000))


def views_of(hours: list[dict[str, int]], keep: int = 1_000) -> list[View]:
    return [view(BASE.plus(at), counts, keep=keep) for at, counts in enumerate(hours) if counts]


def day_of(hours: list[dict[str, int]], n: int, keep: int = 1_000) -> Day:
    """The hours from the second on; the first is what they are compared with."""
    return grid(views_of(hours, keep), BASE.plus(1), BASE.plus(len(hours)), n)


def rank_of(tag: str, counts: dict[str, int]) -> int | None:
    return 1 + sum(each > counts[tag] for each in counts.values()) if tag in counts else None


@unhurried
@given(HOURS, st.integers(1, 8))
def test_a_day_has_every_hour_and_marks_each_tag_by_its_ranks(hours: list[dict[str, int]], n: int) -> None:
    for at, line in enumerate(day_of(hours, n).lines, start=1):
        counts, before = hours[at], hours[at - 1]
        assert line.hour == BASE.plus(at)
        assert (line.view is None) == (not counts)
        assert [cell.row.tag for cell in line.cells] == sorted(counts, key=lambda tag: (-counts[tag], tag))[:n]
        for cell in line.cells:
            rank, was = rank_of(cell.row.tag, counts), rank_of(cell.row.tag, before)
            assert (cell.rank, cell.was) == (rank, was)
            assert rank is not None
            if not before:
                assert cell.move == "unknown"
            elif was is None:
                assert cell.move == "new"
            else:
                assert cell.move == ("up" if rank < was else "down" if rank > was else "same")


@unhurried
@given(HOURS)
def test_series_sum_to_their_tags_and_holes_are_none(hours: list[dict[str, int]]) -> None:
    day = day_of(hours, 10)
    truth: Counter[str] = Counter()
    for counts in hours[1:]:
        truth.update(counts)
    assert {each.row.tag: each.row.count for each in day.series} == dict(truth)
    for each in day.series:
        assert each.counts == tuple(counts.get(each.row.tag, 0) if counts else None for counts in hours[1:])
        assert each.ranks == tuple(rank_of(each.row.tag, counts) for counts in hours[1:])


@unhurried
@given(HOURS, st.integers(1, 3))
def test_what_an_hour_did_not_keep_is_unknown_and_never_zero(hours: list[dict[str, int]], keep: int) -> None:
    for tag in "a", "paris":
        answer = history(tag, views_of(hours, keep), BASE, BASE.plus(len(hours)))
        for point, counts in zip(answer.points, hours, strict=True):
            if point.count is None:
                assert (point.at_most or 0) >= counts.get(tag, 0)
                assert (point.at_most is None) == (not counts)
            else:
                assert point.count == counts.get(tag, 0)
        assert answer.uses <= sum(counts.get(tag, 0) for counts in hours) <= answer.uses + answer.max_error


def test_a_history_tells_its_spellings_and_its_best_hour() -> None:
    answer = history("a", views_of([{"a": 2}, {}, {"a": 5, "b": 9}]), BASE, BASE.plus(3))
    assert answer.spellings == (("A", 7),)
    assert answer.best
    assert (answer.best.hour, answer.best.rank) == (BASE.plus(2), 2)
    assert answer.missing == (BASE.plus(1),)


@unhurried
@given(TIMES)
def test_the_score_is_the_ratio_of_two_binomial_likelihoods(table: tuple[int, int, int, int]) -> None:
    now, before, others_now, others_before = table
    all_now, all_before = now + others_now, before + others_before + 1

    def likelihood(share: float, hits: int, of: int) -> float:
        """As the paper states it, less what cancels out."""
        return (hits * log(share) if hits else 0.0) + ((of - hits) * log(1 - share) if of > hits else 0.0)

    together = (now + before) / (all_now + all_before)
    expected = 2 * (
        likelihood(now / all_now, now, all_now)
        + likelihood(before / all_before, before, all_before)
        - likelihood(together, now, all_now)
        - likelihood(together, before, all_before)
    )
    assert log_likelihood(now, before, all_now, all_before) == pytest.approx(expected, abs=1e-6)


@unhurried
@given(HOURS, st.integers(1, 3))
def test_only_what_surely_grew_rises(hours: list[dict[str, int]], keep: int) -> None:
    views = views_of(hours, keep)
    assume(len(views) > 1)
    *before, last = views
    at = {BASE.plus(step): counts for step, counts in enumerate(hours)}
    for each in rising(last, before, BASE, 10, least=0).risers:
        truth = sum(at[view.hour].get(each.row.tag, 0) for view in before)
        assert each.before >= truth
        assert each.row.count / last.uses > truth / sum(view.uses for view in before)
        assert 0 < each.chance <= 1


def test_a_busy_hour_raises_nothing_by_itself_and_a_new_tag_comes_first() -> None:
    quiet, busy = {"a": 400, "b": 200}, {"a": 4_000, "b": 2_000}
    hour = Hour(BASE.serial + 1)
    assert rising(view(hour, busy), [view(BASE, quiet)], BASE, 10, least=0).risers == ()
    risers = rising(view(hour, {**busy, "new": 300, "few": 1}), [view(BASE, quiet)], BASE, 10, least=0).risers
    assert [each.row.tag for each in risers] == ["new", "few"]
    assert risers[0].chance < 0.001 < risers[1].chance
    sure = rising(view(hour, {**busy, "new": 300, "few": 1}), [view(BASE, quiet)], BASE, 10).risers
    assert [each.row.tag for each in sure] == ["new"] * (risers[0].score >= SURE)
