"""Curve: one tag's uses, a bar for each hour. Pure geometry; `templates/curve.svg` draws it."""

from dataclasses import dataclass
from itertools import count
from zoneinfo import ZoneInfo

from serving.answers.history import History, Point
from serving.render.charts.hour_axis import HourAxis, hour_axis
from serving.render.charts.labels import width_of

TEXT_SIZE = 12
_TOP, _TALL = 20, 220
"""Pixels above the highest tick, where the number of the best hour stands, and of the highest tick."""
_TICKS = 5
"""Ticks above 0, at most."""


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


def curve(answer: History, tz: ZoneInfo) -> Curve:
    """A bar for each hour. An unknown count has none."""
    ticks = _ticks(answer.best.count or 0 if answer.best else 0)
    bottom = _TOP + _TALL
    left = max(width_of(f"{tick:,}", TEXT_SIZE) for tick in ticks) + 28
    axis = hour_axis([point.hour for point in answer.points], answer.missing, tz, left)
    bar = axis.step * 0.8 if axis.step > 8 else axis.step - 1
    bars = []
    for tick, point in zip(axis.ticks, answer.points, strict=True):
        tall = _TALL * (point.count or 0) / ticks[-1]
        bars.append(Bar(tick.x - bar / 2, bottom - tall, tall, point))
    return Curve(
        width=axis.right + 12,
        height=bottom + 40,
        top=_TOP,
        bottom=bottom,
        axis=axis,
        ticks=tuple((bottom - _TALL * tick / ticks[-1], tick) for tick in ticks),
        bar=bar,
        bars=tuple(bars),
        best=next((each for each in bars if each.point == answer.best), None),
    )


def _ticks(most: int) -> list[int]:
    """0 and the multiples of 1, 2 or 5 times a power of ten, up to the first that is not below `most`."""
    step = next(each for each in (one * 10**power for power in count() for one in (1, 2, 5)) if each * _TICKS >= most)
    return list(range(0, step * max(1, -(-most // step)) + 1, step))
