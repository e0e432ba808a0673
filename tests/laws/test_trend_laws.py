"""Laws of trends: each number beside a tag agrees with a plain count of the hours that it was made of."""

from collections import Counter
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.hours import Hour
from serving.answers.merge import View
from serving.answers.now.projection import Projection, projection
from serving.answers.now.tag_trend import HOURS, ROWS, HourTrend, RecentHours, recent_hours
from serving.answers.rising import rising
from serving.answers.rule_versions import Rules
from serving.render.now.now_json import now_json
from serving.views.documents import Row
from tests.support.ranked_views import BASE, COUNTS, view

unhurried = settings(deadline=None, max_examples=60)
BEFORE = BASE.plus(-1)
PAST = st.dictionaries(st.sampled_from(recent_hours(BASE)), COUNTS.filter(bool), max_size=9)
SOME = COUNTS.filter(bool)
Counts = dict[str, int]


def trends(now: Counts, past: dict[Hour, Counts], minute: int = 30, behind: int | None = 0) -> list[HourTrend]:
    """The hour in progress and the one before it, if that has data."""
    current = replace(view(BASE, now, "speed"), state="live")
    views = [view(hour, counts) for hour, counts in sorted(past.items())]
    fresh = [current, *(each for each in views if each.hour == BEFORE)]
    return list(RecentHours(BASE, views).trends(fresh, 5, BASE.start_ms + minute * 60_000, behind))


def test_an_answer_reads_the_24_hours_before_and_four_weeks() -> None:
    hours = recent_hours(BASE)
    assert len(hours) == len(set(hours)) == 33
    assert hours[-25:] == [BASE.plus(-back) for back in range(25, 0, -1)]
    weeks = [BASE.plus(-168 * week) for week in (1, 2, 3, 4)]
    assert set(hours[:8]) == {*weeks, *(week.plus(-1) for week in weeks)}
    assert ROWS == 1_000


@unhurried
@given(SOME, PAST)
def test_move_share_and_series_agree_with_plain_counts(now: Counts, past: dict[Hour, Counts]) -> None:
    at = {**past, BASE: now}
    for trend in trends(now, past):
        hour = trend.view.hour
        here, before = at[hour], at.get(hour.plus(-1))
        assert trend.hours == tuple(hour.plus(back) for back in range(1 - HOURS, 1))
        assert [tag.row.tag for tag in trend.top] == sorted(here, key=lambda tag: (-here[tag], tag))[:5]
        for tag in (*trend.top, *trend.rising):
            name = tag.row.tag
            assert tag.share == here[name] / sum(here.values())
            assert tag.rank == 1 + sum(count > here[name] for count in here.values())
            assert tag.counts == tuple(at[each].get(name, 0) if each in at else None for each in trend.hours)
            was = None if not before or name not in before else 1 + sum(n > before[name] for n in before.values())
            assert tag.was == was
            assert tag.places == (None if was is None else was - tag.rank)
            assert (tag.move == "unknown") == (before is None)
            assert (tag.move == "new") == (before is not None and name not in before)


@unhurried
@given(SOME, PAST)
def test_a_week_compares_the_hours_that_have_data_with_uses_or_with_the_projection(
    now: Counts, past: dict[Hour, Counts]
) -> None:
    for trend in trends(now, past):
        hours = [each for week in (1, 2, 3, 4) if (each := trend.view.hour.plus(-168 * week)) in past]
        assert trend.weeks == len(hours)
        for tag in trend.top:
            if not hours:
                assert tag.week is None
                continue
            mean = sum(past[each].get(tag.row.tag, 0) for each in hours) / len(hours)
            uses = tag.row.count if tag.projection is None else tag.projection
            assert tag.week
            assert (tag.week.weeks, tag.week.mean) == (len(hours), mean)
            assert tag.week.ratio == (uses / mean if mean else None)


def test_an_hour_of_the_week_that_keeps_its_first_tags_counts_as_the_most_that_it_can_hold() -> None:
    cut = view(BEFORE.plus(-168), {"a": 9, "b": 4, "paris": 3}, keep=2)
    before = view(BEFORE, {"paris": 8})
    (trend,) = RecentHours(BASE, [cut, before]).trends([before], 5, BASE.start_ms, None)
    assert trend.top[0].week
    assert (trend.top[0].week.mean, trend.top[0].week.ratio) == (4, 2)


@unhurried
@given(SOME, PAST)
def test_rising_tags_are_those_of_the_24_hours_before(now: Counts, past: dict[Hour, Counts]) -> None:
    for trend in trends(now, past):
        hour = trend.view.hour
        before = [view(each, past[each]) for each in sorted(past) if hour.plus(-24) <= each < hour]
        assert trend.compared == len(before)
        if before:
            whole = view(hour, now if hour == BASE else past[hour])
            expected = rising(whole, before, hour.plus(-24), 5).risers
            assert [(tag.row.tag, tag.riser and tag.riser.score) for tag in trend.rising] == [
                (each.row.tag, each.score) for each in expected
            ]


@unhurried
@given(SOME, PAST, st.sets(st.tuples(st.sampled_from(recent_hours(BASE)), st.sampled_from(["a", "paris"]))))
def test_a_tag_has_one_name_in_both_hours_and_both_tables(
    now: Counts, past: dict[Hour, Counts], loud: set[tuple[Hour, str]]
) -> None:
    def spelled(each: View) -> View:
        rows = (replace(row, shown=row.tag if (each.hour, row.tag) in loud else row.tag.title()) for row in each.rows)
        return replace(each, rows=tuple(rows))

    views = [spelled(view(hour, counts)) for hour, counts in sorted(past.items())]
    fresh = [spelled(view(BASE, now, "speed")), *(each for each in views if each.hour == BEFORE)]
    answer = now_json(RecentHours(BASE, views).trends(fresh, 9, BASE.start_ms, None), Rules())
    rows = [row for hour in answer["hours"] for part in (hour["top"], hour["trends"], hour["rising"]) for row in part]
    names: dict[str, set[str]] = {}
    for row in rows:
        names.setdefault(row["tag"], set()).add(row["shown"])
    uses: dict[str, Counter[str]] = {}
    for each in [*(known for known in views if known.hour >= BASE.plus(-24)), fresh[0]]:
        for row_of in each.rows:
            uses.setdefault(row_of.tag, Counter())[row_of.shown] += row_of.count
    for tag, shown in names.items():
        assert shown == {min(uses[tag], key=lambda each: (-uses[tag][each], each))}


@given(st.integers(1, 1_000), st.one_of(st.none(), st.integers(0, 1_000)), st.integers(10, 59))
def test_a_projection_goes_on_at_the_rate_of_the_time_seen(count: int, before: int | None, minutes: int) -> None:
    found = Projection(minutes).of(count, before)
    assert found is not None
    assert found >= count
    if before is None:
        assert found == round(count * 60 / minutes)
    else:
        left = 60 - minutes
        assert abs(found - (count + left * (count + before) / (minutes + 60))) <= 0.5


def test_there_is_no_projection_where_it_says_nothing() -> None:
    live = View(BASE, "speed", "live", (Row("a", "a", 40),), 0, 40, 1, None, None, None)
    reasons = {
        (9, 0): "no projection in the first 10 minutes",
        (10, 0): "",
        (10, 2): "",
        (10, 3): "no projection, since the speed layer has 3 uses to count yet",
        (10, None): "no projection, since the lag of the speed layer is unknown",
    }
    for (minute, behind), why in reasons.items():
        found = projection(live, BASE.start_ms + minute * 60_000 + 59_999, behind)
        assert found == Projection(minute, why)
        assert (found.of(40, 1) is None) == bool(why)
    assert projection(live, BASE.end_ms, 0) is None, "the hour is over"
    assert projection(replace(live, state="provisional"), BASE.start_ms + 1_800_000, 0) is None, (
        "the batch layer counted"
    )
