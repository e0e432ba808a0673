"""Curve: one tag's uses, a bar for each hour. Pure geometry; `templates/curve.svg` draws it."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from ingest.hours import Hour
from serving.answers.history import History, Point
from serving.render.charts.count_axis import TOP, count_axis
from serving.render.charts.hour_axis import HourAxis, hour_axis

_TALL = 220
"""Pixels of the highest tick."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One hour. A point without a count has no height."""

    x: float
    y: float
    height: float
    point: Point


@dataclass(frozen=True, slots=True)
class Curve:
    """Bars by hour."""

    width: float
    height: float
    top: float
    bottom: float
    axis: HourAxis
    ticks: tuple[tuple[float, int], ...]
    """y and count."""
    bar: float
    """Pixels of a bar."""
    bars: tuple[Bar, ...]
    best: Bar | None
    """The hour with most uses: its count stands above it."""


def curve(answer: History, tz: ZoneInfo, current: Hour | None = None) -> Curve:
    """A bar for each hour. An unknown count has none. `current`: the hour in progress."""
    counts = count_axis(answer.best.count or 0 if answer.best else 0, _TALL)
    axis = hour_axis([point.hour for point in answer.points], answer.missing, tz, counts.left, current)
    bar = axis.step * 0.8 if axis.step > 8 else axis.step - 1
    bars = []
    for tick, point in zip(axis.ticks, answer.points, strict=True):
        y = counts.y(point.count or 0)
        bars.append(Bar(tick.x - bar / 2, y, counts.bottom - y, point))
    return Curve(
        width=axis.right + 12,
        height=counts.bottom + 40,
        top=TOP,
        bottom=counts.bottom,
        axis=axis,
        ticks=counts.ticks,
        bar=bar,
        bars=tuple(bars),
        best=next((each for each in bars if each.point == answer.best), None),
    )
