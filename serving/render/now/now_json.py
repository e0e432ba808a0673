"""Now as JSON: the output of `trends now --json` and of `/api/now`, and the types of it."""

from collections.abc import Sequence

from typing_extensions import TypedDict  # pydantic reads typing's own only from Python 3.12 on

from serving.answers.day import Move
from serving.answers.now.projection import FORMULA as PROJECTION_FORMULA
from serving.answers.now.tag_trend import HourTrend, TagTrend
from serving.answers.rising import FORMULA as RISING_FORMULA
from serving.answers.rule_versions import Rules
from serving.render.json_answers import hour_json
from serving.render.json_shapes import HourAnswer, RankedTag

WEEK_RULE = (
    "uses, or in the hour in progress the projection, by the mean of the hours of the same UTC weekday and hour one to "
    "four weeks before that have data; where such an hour keeps only its first tags, the mean takes the most that a "
    "tag can have"
)


class WeekOfTag(TypedDict):
    """A tag against the same hour of the week; `ratio` is null where the mean is 0."""

    weeks: int
    mean: float
    ratio: float | None


class TrendingTag(RankedTag):
    """A tag of an hour: its rank before, places risen, share of all uses, uses in each of `series_hours`."""

    was: int | None
    move: Move
    places: int | None
    share: float
    counts: list[int | None]
    projection: int | None
    week: WeekOfTag | None


class RisingTrendingTag(TrendingTag):
    """The same of a rising tag, with the uses that one would expect, and the score."""

    expected: float
    score: float


class ProjectionOfHour(TypedDict):
    """Whole minutes that have passed, and why there is no projection; empty where there is one."""

    minutes: int
    why_not: str


class TrendingHour(HourAnswer):
    """An hour with its first tags and the rising ones."""

    trends: list[TrendingTag]
    rising: list[RisingTrendingTag]
    series_hours: list[str]
    compared: int
    weeks: int
    projection: ProjectionOfHour | None


class NowAnswer(TypedDict):
    """The hour in progress and the one before."""

    hours: list[TrendingHour]
    rules: dict[str, int]
    mend: str | None
    formulas: dict[str, str]


def now_json(trends: Sequence[HourTrend], rules: Rules) -> NowAnswer:
    """The trends of the current hours."""
    return {
        "hours": [_hour(trend) for trend in trends],
        "rules": dict(rules.hours),
        "mend": rules.mend,
        "formulas": {"rising": RISING_FORMULA, "projection": PROJECTION_FORMULA, "week": WEEK_RULE},
    }


def _hour(trend: HourTrend) -> TrendingHour:
    state = trend.projection
    return {
        **hour_json(trend.view),
        "trends": [_tag(each) for each in trend.top],
        "rising": [_rising(each) for each in trend.rising],
        "series_hours": [str(hour) for hour in trend.hours],
        "compared": trend.compared,
        "weeks": trend.weeks,
        "projection": None if state is None else {"minutes": state.minutes, "why_not": state.why_not},
    }


def _tag(trend: TagTrend) -> TrendingTag:
    week = trend.week
    ratio = None if week is None or week.ratio is None else round(week.ratio, 3)
    return {
        "rank": trend.rank,
        "tag": trend.row.tag,
        "shown": trend.row.shown,
        "count": trend.row.count,
        "was": trend.was,
        "move": trend.move,
        "places": trend.places,
        "share": round(trend.share, 6),
        "counts": list(trend.counts),
        "projection": trend.projection,
        "week": None if week is None else {"weeks": week.weeks, "mean": round(week.mean, 3), "ratio": ratio},
    }


def _rising(trend: TagTrend) -> RisingTrendingTag:
    riser = trend.riser
    expected, score = (riser.expected, riser.score) if riser else (0.0, 0.0)
    return {**_tag(trend), "expected": round(expected, 3), "score": round(score, 3)}
