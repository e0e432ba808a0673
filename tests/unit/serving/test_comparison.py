"""Several tags in one chart: the same numbers as each alone, lines that break, names that stand apart."""

from itertools import combinations, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.errors import UsageError
from serving.answers.comparison import Comparison, distinct_tags
from serving.answers.history import histories, history
from serving.render.charts.end_labels import spread
from serving.render.charts.lines import lines
from serving.render.charts.picture import lines_picture
from serving.render.json_answers import comparison_json, history_json
from serving.render.rows import comparison_rows, history_rows
from tests.support.rendering import BASE, svg_texts, view

UTC = ZoneInfo("UTC")
TAGS = ["paris", "日本", "never"]
VIEWS = [view(BASE, ("paris", 8), ("日本", 3)), view(BASE.plus(2), ("日本", 41)), view(BASE.plus(3), ("paris", 1))]
HOURS = (BASE, BASE.plus(5))


def compared() -> Comparison:
    return Comparison(histories(TAGS, VIEWS, *HOURS))


def test_each_tag_has_the_numbers_that_it_has_alone() -> None:
    alone = [history(tag, VIEWS, *HOURS) for tag in TAGS]
    assert list(compared().histories) == alone
    told = comparison_json(compared())
    for each, one in zip(told["tags"], map(history_json, alone), strict=True):
        assert each == {name: one[name] for name in each}  # type: ignore[literal-required]
    assert told["missing"] == [str(BASE.plus(1)), str(BASE.plus(4))]
    rows = list(comparison_rows(compared()).values)
    assert [row[0] for row in rows] == [tag for tag in TAGS for _ in range(5)]
    assert [tuple(row[1:]) for row in rows[:5]] == [tuple(row) for row in history_rows(alone[0]).values]


def test_a_tag_is_compared_once_and_six_are_too_many() -> None:
    assert distinct_tags(["a", "b", "a"]) == ["a", "b"]
    with pytest.raises(UsageError, match="6 tags are more than one chart keeps apart"):
        distinct_tags("abcdef")


def test_lines_begin_at_0_break_where_nothing_is_known_and_have_shapes_and_names() -> None:
    drawn = lines(compared(), UTC)
    assert drawn.ticks[0] == (drawn.bottom, 0)
    assert drawn.ticks[-1][1] >= 41
    assert [len(line.paths) for line in drawn.lines] == [2, 2, 2], "an hour between has no data"
    assert {(mark.x, mark.point.hour) for line in drawn.lines for mark in line.marks} <= {
        (tick.x, tick.hour) for tick in drawn.axis.ticks
    }
    heights = sorted(line.label_y for line in drawn.lines)
    assert all(after - before >= 18 for before, after in pairwise(heights))
    told = svg_texts(lines_picture(compared(), UTC, BASE.plus(4)))
    assert {"#paris", "#日本", "#never", "so far", "no data"} <= set(told)
    assert len({line.number for line in drawn.lines}) == 3


PLACES = st.lists(st.floats(20, 280), min_size=1, max_size=10)


@given(PLACES)
def test_names_move_apart_no_further_than_needed(wanted: list[float]) -> None:
    places = spread(wanted, 18, 20, 280)
    assert all(abs(one - other) >= 18 - 1e-6 for one, other in combinations(places, 2))
    assert all(20 - 1e-6 <= place <= 280 + 1e-6 for place in places)
    by_wish = sorted(range(len(wanted)), key=lambda at: wanted[at])
    assert [places[at] for at in by_wish] == sorted(places)
    if all(after - before >= 18 for before, after in pairwise(sorted(wanted))):
        assert places == pytest.approx(wanted)
