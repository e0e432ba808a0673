"""Trends of the current hours as a table, as rows, as JSON and as sparklines."""

import threading
from dataclasses import replace
from zoneinfo import ZoneInfo

from config.errors import UnavailableError
from serving.answers.now.tag_trend import HourTrend, RecentHours
from serving.answers.rule_versions import Rules
from serving.dashboard.http.cache import BackgroundValue
from serving.render.charts.sparkline import STEP, TALL, sparkline
from serving.render.now.now_json import now_json
from serving.render.now.now_table import now_tables
from serving.render.row_text import csv_text
from serving.render.rows import now_rows
from tests.support.rendering import BASE, terminal_lines, view
from tests.support.wait import until

UTC = ZoneInfo("UTC")


def trends(behind: int | None = 0) -> tuple[HourTrend, ...]:
    """#eclipse comes from nowhere, #a stays, #b falls; half of the hour has passed; one week before has data."""
    before = [view(BASE.plus(-back), ("a", 30), ("b", 20)) for back in range(2, 20)]
    last = view(BASE.plus(-1), ("a", 30), ("b", 20))
    week = view(BASE.plus(-168), ("a", 10), ("c", 1))
    now = view(BASE, ("Eclipse", 40), ("a", 15), ("b", 2), origin="speed")
    return RecentHours(BASE, [week, *reversed(before), last]).trends([now, last], 2, BASE.start_ms + 1_800_000, behind)


def test_a_tag_has_its_move_series_week_and_projection_in_json() -> None:
    hour, before = now_json(trends(), Rules())["hours"]
    eclipse, a = hour["trends"]
    assert (eclipse["rank"], eclipse["was"], eclipse["move"], eclipse["places"]) == (1, None, "new", None)
    assert (a["rank"], a["was"], a["move"], a["places"]) == (2, 1, "down", -1)
    assert a["share"] == round(15 / 57, 6)
    assert a["counts"] == [None] * 4 + [30] * 19 + [15]
    assert hour["series_hours"][-1] == hour["hour"]
    assert a["projection"] == round(15 + 0.5 * 45 / 1.5) == 30
    assert a["week"] == {"weeks": 1, "mean": 10.0, "ratio": 3.0}
    assert eclipse["week"] == {"weeks": 1, "mean": 0.0, "ratio": None}
    assert [each["tag"] for each in hour["rising"]] == ["eclipse"]
    assert hour["rising"][0]["expected"] == 0
    assert (hour["compared"], hour["weeks"], hour["projection"]) == (19, 1, {"minutes": 30, "why_not": ""})
    assert (before["projection"], before["weeks"], before["rising"]) == (None, 0, [])


def test_without_a_known_lag_json_says_why_there_is_no_projection() -> None:
    hour = now_json(trends(behind=None), Rules())["hours"][0]
    assert hour["projection"] == {
        "minutes": 30,
        "why_not": "no projection, since the lag of the speed layer is unknown",
    }
    assert [each["projection"] for each in hour["trends"]] == [None, None]
    assert [each["week"] for each in hour["trends"]] == [None, None], "half an hour is not compared with whole ones"


def test_a_table_tells_moves_and_projections_without_colour() -> None:
    told = "\n".join(terminal_lines(now_tables(trends(), UTC), width=90))
    for text in ("✚", "▼ 1", "#Eclipse", "≈ is a projection for the whole hour, after 30 minutes", "≈×3.0", "first"):
        assert text in told
    assert "rising in 2017-01-06 22:00–23:00 UTC" in told
    assert "the lag of the speed layer is unknown" in "\n".join(terminal_lines(now_tables(trends(None), UTC), width=90))


def test_rows_have_both_parts_of_each_hour() -> None:
    lines = "".join(csv_text(now_rows(trends()), UTC)).splitlines()
    parts = [line.split(",")[1:4] for line in lines[1:]]
    assert [" ".join(part) for part in parts] == [
        "top 1 #eclipse",
        "top 2 #a",
        "rising 1 #eclipse",
        "top 1 #a",
        "top 2 #b",
    ]
    assert lines[0].startswith("hour,part,rank,tag,shown,count,was,move,share,projection,weeks,mean,ratio")


def test_a_sparkline_fills_its_height_and_tells_holes_from_zeros() -> None:
    drawn = sparkline([None, 0, 1, 1_000, 40])
    assert drawn.width == 5 * STEP
    assert drawn.holes == (0,)
    assert [bar.x for bar in drawn.bars] == [2 * STEP, 3 * STEP, 4 * STEP]
    assert drawn.bars[1].height == TALL
    assert drawn.bars[0].height > 1, "one use is seen beside a thousand"
    assert all(bar.y + bar.height == TALL for bar in drawn.bars)
    assert drawn.label == "5 hours: most uses 1,000, in the hour before; 1 unknown"
    assert drawn.projection is None
    assert drawn.now == "M16 24v-1.5h3v1.5z"
    assert [path.count("M") for path in (drawn.past, drawn.now, drawn.unknown)] == [2, 1, 1]


def test_a_projection_stands_above_the_last_bar_and_sets_the_scale() -> None:
    drawn = sparkline([10, 5], projection=20)
    assert drawn.projection
    assert (drawn.projection.x, drawn.projection.height) == (STEP, TALL)
    assert [bar.height for bar in drawn.bars] == [TALL / 2, TALL / 4]
    assert sparkline([None, None]).bars == ()


def test_a_tag_that_one_hour_shouts_has_one_name_in_all_tables() -> None:
    last = view(BASE.plus(-1), ("a", 30))
    loud = replace(last, rows=(replace(last.rows[0], shown="A!"),))
    shown = RecentHours(BASE, [loud]).trends([view(BASE, ("a", 5)), loud], 5, BASE.start_ms, 0)
    assert {tag.row.shown for trend in shown for tag in trend.top} == {"A!"}


def test_a_background_value_never_waits_and_is_none_after_an_error() -> None:
    release, is_down = threading.Event(), threading.Event()

    def compute() -> int:
        assert release.wait(30)
        if is_down.is_set():
            raise UnavailableError("down", where="Kafka", next_step="Wait")
        return 7

    value = BackgroundValue(compute, 0.0)
    assert value.get() is None
    release.set()
    until(lambda: value.get() == 7)
    is_down.set()
    until(lambda: value.get() is None)
