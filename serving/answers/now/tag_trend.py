"""Tag trends: the first tags of an hour and its rising ones, each with what it takes to judge the number. Pure.

Beside its uses a tag has
    its move        its place against the hour before, as in a day
    its share       of all uses of the hour
    its series      uses in each of 24 hours, the hour itself last
    its week        uses against the mean of the same hour of the week, one to four weeks before, where those have data
    its projection  where the hour is in progress: see `projection`; its week then compares the projection

An hour of 168, 336, 504 and 672 hours before has the same weekday and hour in UTC. Where such an hour keeps only its
first tags, and not this one, the mean takes the most that it can have: a ratio then is the least that it can be. Rising
tags are those of `rising`, against the 24 hours before.

`RecentHours` indexes the hours before once; every answer of the same hour uses that index. All rows of an answer show a
tag by one spelling, the one most used in the hours of its series.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from ingest.hours import Hour, Millis
from serving.answers.day import Move, Places, cell_of
from serving.answers.merge import View, competition_ranks, ranks_by_tag, truncate
from serving.answers.now.projection import Projection, projection
from serving.answers.rising import Baseline, Riser, risers
from serving.answers.spelling import TagSums
from serving.views.documents import Row

HOURS, WEEKS = 24, 4
ROWS = 1_000
"""Rows of an hour that an answer looks at: so its cost has a bound, however many tags an hour in progress has."""
_WEEK = 168


@dataclass(frozen=True, slots=True)
class WeekRatio:
    """A tag against the same hour of the week."""

    weeks: int
    """How many of the four hours have data; at least one."""
    mean: float
    """Its mean uses in them, at most."""
    ratio: float | None
    """Uses now, or the projection, by that mean; None where the mean is 0."""


@dataclass(frozen=True, slots=True)
class TagTrend:
    """A tag in an hour."""

    row: Row
    rank: int
    was: int | None
    """Its rank in the hour before; None where that hour does not have it."""
    move: Move
    share: float
    """Of all uses of the hour, from 0 to 1."""
    counts: tuple[int | None, ...]
    """Uses in each hour of `HourTrend.hours`; None for an hour without data, or cut above the tag."""
    projection: int | None
    week: WeekRatio | None
    """None where no such hour has data, or the hour is in progress and has no projection."""
    riser: Riser | None = None
    """Its score, where it is a rising tag."""

    @property
    def places(self) -> int | None:
        """Places that it has risen (above 0) or fallen; None where either rank is unknown."""
        return None if self.was is None else self.was - self.rank


@dataclass(frozen=True)
class HourTrend:
    """An hour with its first tags and its rising ones."""

    view: View
    """Its first n rows."""
    hours: tuple[Hour, ...]
    """The hours of the series."""
    top: tuple[TagTrend, ...]
    rising: tuple[TagTrend, ...]
    """By score descending."""
    compared: int
    """Hours with data among the 24 before, which the rising tags are compared with."""
    weeks: int
    """Hours with data among those of the weeks before."""
    projection: Projection | None
    """None where the hour is over."""


def recent_hours(current: Hour) -> list[Hour]:
    """The hours before the one in progress that its trends, and those of the hour before it, need: 33, ascending."""
    day = {current.plus(-back) for back in range(1, HOURS + 2)}
    return sorted(day | {hour for each in (current, current.plus(-1)) for hour in _same_hours(each)})


def _same_hours(hour: Hour) -> list[Hour]:
    return [hour.plus(-week * _WEEK) for week in range(1, WEEKS + 1)]


class RecentHours:
    """The hours before the one in progress. `views`: those of `recent_hours` with data, with their first rows."""

    def __init__(self, current: Hour, views: Iterable[View]) -> None:
        self.current = current
        self._views = {view.hour: view for view in views}
        self._places = {hour: ranks_by_tag(view) for hour, view in self._views.items()}
        self._baselines = {hour: self._baseline(hour) for hour in (current, current.plus(-1))}

    def _baseline(self, hour: Hour) -> Baseline:
        baseline = Baseline()
        for back in range(HOURS, 0, -1):
            if view := self._views.get(hour.plus(-back)):
                baseline.add(view)
        return baseline

    def trends(self, views: Sequence[View], n: int, now: Millis, behind: int | None) -> tuple[HourTrend, ...]:
        """The trends of the hour in progress and of the one before, as far as they have a view, with n rows each.

        `views`: with their first 1,000 rows. `behind`: uses that the speed layer has yet to count, None if unknown.
        """
        fresh = {view.hour: view for view in views}
        index = _Index({**self._views, **fresh}, {**self._places, **{h: ranks_by_tag(v) for h, v in fresh.items()}})
        trends = [
            _hour_trend(view, index, self._baselines[view.hour], n, projection(view, now, behind)) for view in views
        ]
        sums = index.names({tag.row.tag for trend in trends for tag in (*trend.top, *trend.rising)}, self.current)
        return tuple(_named(trend, sums) for trend in trends)


@dataclass(frozen=True)
class _Index:
    """Hours, and the places of their tags."""

    views: dict[Hour, View]
    places: dict[Hour, Places]

    def count(self, tag: str, hour: Hour) -> int | None:
        """Uses of a tag in an hour; None if unknown."""
        if hour not in self.views:
            return None
        place = self.places[hour].get(tag)
        return place[1].count if place else None if self.views[hour].cut_at else 0

    def week(self, tag: str, hour: Hour, uses: int | None) -> WeekRatio | None:
        """The uses of a tag in an hour against the same hour of the week."""
        there = [each for each in _same_hours(hour) if each in self.views]
        if not there or uses is None:
            return None
        counts = [self.views[each].cut_at if (n := self.count(tag, each)) is None else n for each in there]
        mean = sum(counts) / len(there)
        return WeekRatio(len(there), mean, uses / mean if mean else None)

    def names(self, tags: Iterable[str], current: Hour) -> TagSums:
        """The spellings of some tags in the last 24 hours and the one in progress."""
        sums = TagSums()
        for back in range(HOURS, -1, -1):
            places = self.places.get(current.plus(-back), {})
            sums.add(places[tag][1] for tag in tags if tag in places)
        return sums


def _hour_trend(view: View, index: _Index, baseline: Baseline, n: int, state: Projection | None) -> HourTrend:
    hours = tuple(view.hour.plus(back) for back in range(1 - HOURS, 1))
    first = truncate(view, n)

    def tag_trend(row: Row, rank: int, riser: Riser | None = None) -> TagTrend:
        before = view.hour.plus(-1)
        cell = cell_of(row, rank, index.views.get(before), index.places.get(before, {}))
        later = state.of(row.count, index.count(row.tag, before)) if state else None
        return TagTrend(
            row=row,
            rank=rank,
            was=cell.was,
            move=cell.move,
            share=row.count / view.uses,
            counts=tuple(index.count(row.tag, hour) for hour in hours),
            projection=later,
            week=index.week(row.tag, view.hour, later if state else row.count),
            riser=riser,
        )

    found = risers(view, baseline)[:n] if baseline.uses else []
    return HourTrend(
        view=first,
        hours=hours,
        top=tuple(map(tag_trend, first.rows, competition_ranks(first.rows))),
        rising=tuple(tag_trend(riser.row, riser.rank, riser) for riser in found),
        compared=len(baseline.hours),
        weeks=sum(hour in index.views for hour in _same_hours(view.hour)),
        projection=state,
    )


def _named(trend: HourTrend, sums: TagSums) -> HourTrend:
    def named(tags: Sequence[TagTrend]) -> tuple[TagTrend, ...]:
        return tuple(replace(each, row=sums.named(each.row)) for each in tags)

    view = replace(trend.view, rows=tuple(map(sums.named, trend.view.rows)))
    return replace(trend, view=view, top=named(trend.top), rising=named(trend.rising))
