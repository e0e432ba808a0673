"""Charts: where the lines, cells and bars of a picture lie. Pure geometry; the templates draw it as SVG and tables."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, log1p
from zoneinfo import ZoneInfo

from ingest.hours import Hour
from serving.answers.day import Day, Series
from serving.answers.history import History, Point
from serving.answers.rank_tracks import Spot, begins_day, ways
from serving.views.documents import Row

LINES = 10
"""Tags of a bump chart, each in its own colour and dash."""
LEVELS = 8
"""Shades of a heat map."""
_STEP, _ROW, _LEFT, _TOP, _NAME = 40, 32, 40, 40, 18
"""Of the bump chart: pixels between hours, between places, around, and between names."""
_HASHTAG, _PHRASE = (20, 180), (28, 228)
"""Characters of a name beside its line, and pixels for them."""


@dataclass(frozen=True, slots=True)
class Dot:
    """A tag among the first of an hour."""

    x: int
    y: int
    hour: Hour
    rank: int
    count: int


@dataclass(frozen=True, slots=True)
class Line:
    """One tag's way through the places."""

    row: Row
    dots: tuple[Dot, ...]
    stretches: tuple[str, ...]
    """Points of a polyline for each run of hours without a hole."""
    label_y: int
    """Where its name stands, at the right end: no two names overlap."""


@dataclass(frozen=True, slots=True)
class Bump:
    """Places by hour. The missing hours are drawn as holes."""

    width: int
    height: int
    columns: tuple[tuple[int, Hour, bool], ...]
    """x, hour, and whether something is known of it."""
    places: tuple[tuple[int, int], ...]
    """y and place."""
    label_x: int
    longest: int
    """Characters of a name that have room."""
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class HeatRow:
    """A tag, and for each hour its count with a level from 0 to `LEVELS`; None: not known, or no such hour."""

    series: Series
    cells: tuple[tuple[Hour, int | None, int | None], ...]


@dataclass(frozen=True, slots=True)
class Bar:
    """One hour of a tag's history."""

    x: int
    y: int
    height: int
    point: Point


@dataclass(frozen=True, slots=True)
class Bars:
    """A tag's history; `days` are where a day of the reader's calendar begins."""

    width: int
    height: int
    bar: int
    most: int
    highest: int
    """x of the first of the highest bars."""
    bars: tuple[Bar, ...]
    days: tuple[tuple[int, Hour], ...]


def bump(day: Day) -> Bump:
    """The ways of the day's first tags through the first places of each hour."""
    deepest = max((len(line.cells) for line in day.lines), default=0)
    drawn = [(way, tuple(map(_dot, way.spots))) for way in ways(day, LINES)]
    labels = _apart([(dots[-1].y, -dots[-1].x) for _, dots in drawn])
    lines = [
        Line(way.series.row, dots, tuple(map(_stretch, way.runs)), y)
        for (way, dots), y in zip(drawn, labels, strict=True)
    ]
    label_x = _x(len(day.lines) - 1) + 24
    longest, names = _HASHTAG if day.whole.lens.kind == "hashtag" else _PHRASE
    return Bump(
        width=label_x + names,
        height=max(_TOP + _ROW * deepest, *labels, 0) + 8,
        columns=tuple((_x(at), line.hour, line.view is not None) for at, line in enumerate(day.lines)),
        places=tuple((_y(place), place) for place in range(1, deepest + 1)),
        lines=tuple(lines),
        label_x=label_x,
        longest=longest,
    )


def _x(at: int) -> int:
    return _LEFT + _STEP * at


def _y(place: int) -> int:
    return _TOP + _ROW * (place - 1)


def _dot(spot: Spot) -> Dot:
    return Dot(_x(spot.at), _y(spot.place), spot.hour, spot.cell.rank, spot.cell.row.count)


def _stretch(run: Sequence[Spot]) -> str:
    return " ".join(f"{_x(spot.at)},{_y(spot.place)}" for spot in run)


def _apart(wanted: Sequence[tuple[int, int]]) -> list[int]:
    """A y for each name, at least `_NAME` apart, near where it is wanted; at the same y the later line comes first."""
    ys = [0] * len(wanted)
    free = 0
    for at in sorted(range(len(wanted)), key=wanted.__getitem__):
        ys[at] = max(wanted[at][0], free)
        free = ys[at] + _NAME
    return ys


def heat(day: Day) -> tuple[HeatRow, ...]:
    """The day's tags by hour. Shades grow with the logarithm, so that beside one great count small ones differ too."""
    most = max((count or 0 for series in day.series for count in series.counts), default=0)
    known = {line.hour for line in day.lines if line.view is not None}
    return tuple(
        HeatRow(
            series,
            tuple(
                (hour, count, None if count is None or hour not in known else _level(count, most))
                for hour, count in zip(day.hours, series.counts, strict=True)
            ),
        )
        for series in day.series
    )


def _level(count: int, most: int) -> int:
    return ceil(LEVELS * log1p(count) / log1p(most)) if count else 0


def bars(history: History, tz: ZoneInfo, height: int = 160, widest: int = 1170) -> Bars:
    """A bar for each hour, as high as its share of the highest."""
    step = max(5, min(36, widest // len(history.points)))
    most = max((point.count or 0 for point in history.points), default=0)
    drawn = []
    for at, point in enumerate(history.points):
        tall = ceil((height - 1) * (point.count or 0) / most) if most else 0
        drawn.append(Bar(at * step, height - tall, tall, point))
    new = begins_day([point.hour for point in history.points], tz)
    days = tuple((at * step, point.hour) for at, point in enumerate(history.points) if new[at])
    highest = max(drawn, key=lambda each: each.height).x
    return Bars(step * len(history.points), height, step, most, highest, tuple(drawn), days)
