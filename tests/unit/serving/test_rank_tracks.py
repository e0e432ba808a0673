"""The ways of a day's tags through the places of its hours, which pictures and pages draw."""

from zoneinfo import ZoneInfo

from serving.answers.day import grid
from serving.answers.rank_tracks import begins_day, rank_tracks
from tests.support.rendering import BASE, view


def test_a_way_breaks_where_nothing_is_known_and_where_its_tag_is_not_among_the_first() -> None:
    views = [
        view(BASE, ("a", 9), ("b", 5)),
        view(BASE.plus(2), ("b", 7), ("a", 7)),
        view(BASE.plus(3), ("b", 4), ("c", 3), ("a", 2)),
        view(BASE.plus(4), ("a", 1)),
    ]
    found = rank_tracks(grid(views, BASE, BASE.plus(5), 2), 2)
    places = {way.series.row.tag: [[(spot.at, spot.place) for spot in run] for run in way.runs] for way in found}
    assert places == {"a": [[(0, 1)], [(2, 2)], [(4, 1)]], "b": [[(0, 2)], [(2, 1), (3, 1)]]}
    assert [way.number for way in found] == [0, 1]
    assert [spot.hour for spot in found[1].points] == [BASE, BASE.plus(2), BASE.plus(3)]


def test_a_tag_that_is_never_among_the_first_has_no_way() -> None:
    views = [view(BASE.plus(at), (f"top{at}", 9), ("often", 8)) for at in range(3)]
    day = grid(views, BASE, BASE.plus(3), 1)
    assert day.series[0].row.tag == "often"
    assert [way.series.row.tag for way in rank_tracks(day, 4)] == ["top0", "top1", "top2"]


def test_a_day_begins_where_local_clocks_say_so() -> None:
    hours = [BASE, BASE.plus(1), BASE.plus(2)]  # 22:00 to 00:00 UTC
    assert begins_day(hours, ZoneInfo("UTC")) == [True, False, True]
    assert begins_day(hours, ZoneInfo("Europe/Paris")) == [True, True, False]
