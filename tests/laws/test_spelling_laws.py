"""Laws of names: a tag has one in a whole answer, the spelling most used in the answer's hours, in whatever order."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from random import Random

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from serving.answers.day import grid
from serving.answers.history import history
from serving.answers.merge import View, side_by_side, sum_hours, truncate
from serving.answers.rank_tracks import rank_tracks
from serving.answers.rising import rising
from serving.answers.rule_versions import Rules
from serving.render.json_answers import day_json, hours_json, range_json, rising_json
from serving.views.documents import Row
from tests.support.ranked_views import BASE, view

unhurried = settings(deadline=None)
HOUR = st.dictionaries(
    st.sampled_from(["news", "paris", "日本"]),
    st.tuples(st.integers(1, 5), st.sampled_from([str.lower, str.upper, str.title])),
)
HOURS = st.lists(HOUR, min_size=1, max_size=6)
Hours = list[dict[str, tuple[int, Callable[[str], str]]]]


def views_of(hours: Hours) -> list[View]:
    """Each hour with spellings of its own."""
    return [
        replace(ranked, rows=tuple(replace(row, shown=hour[row.tag][1](row.tag)) for row in ranked.rows))
        for at, hour in enumerate(hours)
        if hour
        for ranked in [view(BASE.plus(at), {tag: count for tag, (count, _) in hour.items()})]
    ]


def names(hours: Hours) -> dict[str, str]:
    """The plain way: of each tag the spelling with most uses, the first by code point of equal ones."""
    spelled: dict[str, Counter[str]] = {}
    for hour in hours:
        for tag, (count, spell) in hour.items():
            spelled.setdefault(tag, Counter())[spell(tag)] += count
    return {tag: min(each, key=lambda shown: (-each[shown], shown)) for tag, each in spelled.items()}


def shown_in(document: object) -> Iterator[tuple[str, str]]:
    """Every tag of an answer with the spelling beside it."""
    if isinstance(document, Mapping):
        if "shown" in document and "tag" in document:
            yield document["tag"], document["shown"]
        document = list(document.values())
    if isinstance(document, list):
        for each in document:
            yield from shown_in(each)


@unhurried
@given(HOURS)
def test_a_tag_has_one_name_in_a_day_a_range_and_hours_side_by_side(hours: Hours) -> None:
    views, until = views_of(hours), BASE.plus(len(hours))
    assume(views)
    day = grid(views, BASE, until, 5)
    for answer in day_json(day), range_json(sum_hours(views, BASE, until, 5)), hours_json(side_by_side(views), Rules()):
        assert dict(shown_in(answer)) == names(hours)
        assert len(set(shown_in(answer))) == len(names(hours))
    tracks = rank_tracks(day, 9)
    drawn = {(point.cell.row.tag, point.cell.row.shown) for track in tracks for point in track.points}
    assert drawn <= set(names(hours).items())


@unhurried
@given(HOURS)
def test_the_hour_before_a_day_and_rows_beyond_it_name_nothing(hours: Hours) -> None:
    views, until = views_of(hours), BASE.plus(len(hours))
    answer = grid(views, BASE.plus(1), until, 1)
    named = names(hours[1:])
    for tag, shown in shown_in(day_json(answer)):
        assert shown == named[tag]


@unhurried
@given(HOURS, st.randoms())
def test_the_order_of_hours_decides_no_name(hours: Hours, chance: Random) -> None:
    mixed = list(hours)
    chance.shuffle(mixed)
    one, other = (sum_hours(views_of(each), BASE, BASE.plus(len(hours)), 9).rows for each in (hours, mixed))
    assert one == other


@unhurried
@given(HOURS)
def test_a_tag_that_rises_and_a_history_have_the_name_of_all_hours(hours: Hours) -> None:
    views = views_of(hours)
    assume(len(views) > 1)
    last = views[-1]
    assert dict(shown_in(rising_json(rising(last, views[:-1], BASE, 9, 0)))).items() <= names(hours).items()
    for tag, shown in names(hours).items():
        assert history(tag, views, BASE, BASE.plus(len(hours))).shown == shown


def test_names_need_no_row_that_an_answer_does_not_have() -> None:
    rows = (Row("news", "News", 5), Row("rain", "rain", 4))
    first = replace(view(BASE, {"news": 5, "rain": 4}), rows=rows)
    second = replace(view(BASE.plus(1), {"snow": 9, "news": 7}), rows=(Row("snow", "snow", 9), Row("news", "NEWS", 7)))
    cut = side_by_side([truncate(first, 1), truncate(second, 1)])
    assert [row.shown for each in cut for row in each.rows] == ["News", "snow"]
    assert side_by_side([first, second])[0].rows[0] == Row("news", "NEWS", 5)
