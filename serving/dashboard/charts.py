"""Charts: where the lines, cells and bars of a picture lie. Pure geometry; the templates draw it as SVG and tables."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil, log1p
from zoneinfo import ZoneInfo

from ingest.hours import Hour
from serving.day import Day, Series
from serving.history import History, Point
from serving.views import Row

LINES = 10
"""Tags of a bump chart, each in its own colour and dash."""
LEVELS = 8
"""Shades of a heat map."""
_STEP, _ROW, _LEFT, _TOP, _LABELS, _NAME = 40, 32, 40, 40, 180, 18
"""Of the bump chart: pixels between hours, between places, around, for names, and between names."""


@dataclass(frozen=True, slots=True)
class Spot:
    """A tag among the first of an hour. `place` counts from 1 and is nobody else's, as ties are ordered too."""

    x: int
    y: int
    hour: Hour
    rank: int
    count: int


@dataclass(frozen=True, slots=True)
class Line:
    """One tag's way through the places."""

    row: Row
    spots: tuple[Spot, ...]
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
    hours = day.hours
    deepest = max((len(line.cells) for line in day.lines), default=0)
    ways = [(series.row, spots) for series in day.series[:LINES] if (spots := tuple(_spots(day, series.row)))]
    lasts = [(spots[-1].y, -spots[-1].x) for _, spots in ways]
    labels = _apart(lasts)
    lines = [Line(row, spots, tuple(_stretches(spots)), y) for (row, spots), y in zip(ways, labels, strict=True)]
    label_x = _LEFT + _STEP * (len(hours) - 1) + 24
    return Bump(
        width=label_x + _LABELS,
        height=max(_TOP + _ROW * deepest, *labels, 0) + 8,
        columns=tuple((_LEFT + _STEP * at, line.hour, line.view is not None) for at, line in enumerate(day.lines)),
        places=tuple((_TOP + _ROW * at, at + 1) for at in range(deepest)),
        lines=tuple(lines),
        label_x=label_x,
    )


def _spots(day: Day, row: Row) -> Iterator[Spot]:
    for at, line in enumerate(day.lines):
        for place, cell in enumerate(line.cells):
            if cell.row.tag == row.tag:
                yield Spot(_LEFT + _STEP * at, _TOP + _ROW * place, line.hour, cell.rank, cell.row.count)


def _apart(wanted: Sequence[tuple[int, int]]) -> list[int]:
    """A y for each name, at least `_NAME` apart, near where it is wanted; at the same y the later line comes first."""
    ys = [0] * len(wanted)
    free = 0
    for at in sorted(range(len(wanted)), key=wanted.__getitem__):
        ys[at] = max(wanted[at][0], free)
        free = ys[at] + _NAME
    return ys


def _stretches(spots: Sequence[Spot]) -> Iterator[str]:
    begin = 0
    for at in range(1, len(spots) + 1):
        if at == len(spots) or spots[at].hour != spots[at - 1].hour.plus(1):
            yield " ".join(f"{spot.x},{spot.y}" for spot in spots[begin:at])
            begin = at


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
    days = tuple(
        (at * step, point.hour)
        for at, point in enumerate(history.points)
        if at == 0 or point.hour.start.astimezone(tz).date() != point.hour.plus(-1).start.astimezone(tz).date()
    )
    highest = max(drawn, key=lambda each: each.height).x
    return Bars(step * len(history.points), height, step, most, highest, tuple(drawn), days)
