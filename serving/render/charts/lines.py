"""Lines: the uses of several tags by hour, over one axis from 0. Pure geometry; `templates/lines.svg` draws it.

A line breaks where an hour has no data, or keeps only its first tags. Each has a shape of its own and its name beside
its end, so that nobody needs the colours.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from zoneinfo import ZoneInfo

from ingest.hours import Hour
from serving.answers.comparison import Comparison
from serving.answers.history import History, Point
from serving.render.charts.count_axis import TOP, CountAxis, count_axis
from serving.render.charts.end_labels import spread
from serving.render.charts.hour_axis import HourAxis, hour_axis
from serving.render.charts.labels import Label, label_of, width_of

NAME_SIZE = 13
_TALL = 260
_BESIDE = 24
"""Pixels from the last column to the names, for the shape before each."""
_NAME_ROW = 18
_MARKS_APART = 48
"""Pixels between the marks of a line."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A shape on a line."""

    x: float
    y: float
    point: Point


@dataclass(frozen=True, slots=True)
class Line:
    """One tag."""

    number: int
    """Of its colour and its shape."""
    history: History
    marks: tuple[Mark, ...]
    paths: tuple[str, ...]
    """SVG paths, one for each run of hours with a known count."""
    label: Label
    label_y: float


@dataclass(frozen=True, slots=True)
class Lines:
    """Uses by hour."""

    width: float
    height: float
    top: float
    bottom: float
    axis: HourAxis
    ticks: tuple[tuple[float, int], ...]
    """y and count."""
    scale: float
    """Of the marks."""
    lines: tuple[Line, ...]


def lines(answer: Comparison, tz: ZoneInfo, current: Hour | None = None) -> Lines:
    """A line for each tag. `current`: the hour in progress."""
    counts = count_axis(answer.most, _TALL)
    labels = [label_of(each.shown, each.lens) for each in answer.histories]
    right = _BESIDE + max(width_of(label.text, NAME_SIZE) for label in labels) + 8
    hours = [point.hour for point in answer.histories[0].points]
    axis = hour_axis(hours, answer.missing, tz, counts.left, current, right=right)
    ends = [counts.y(_last(each)) for each in answer.histories]
    places = spread(ends, _NAME_ROW, TOP, counts.bottom)
    return Lines(
        width=axis.right + right,
        height=counts.bottom + 40,
        top=TOP,
        bottom=counts.bottom,
        axis=axis,
        ticks=counts.ticks,
        scale=0.8,
        lines=tuple(
            _line(number, each, axis, counts, (labels[number], places[number]))
            for number, each in enumerate(answer.histories)
        ),
    )


def _last(history: History) -> int:
    """The last known count."""
    return next((point.count for point in reversed(history.points) if point.count is not None), 0)


def _line(number: int, history: History, axis: HourAxis, counts: CountAxis, name: tuple[Label, float]) -> Line:
    marks = [
        Mark(tick.x, counts.y(point.count or 0), point) for tick, point in zip(axis.ticks, history.points, strict=True)
    ]
    runs = [list(run) for known, run in groupby(marks, key=lambda mark: mark.point.count is not None) if known]
    paths = tuple("M" + "L".join(f"{mark.x:g},{mark.y:.4g}" for mark in run) for run in runs)
    shown = [mark for run in runs for mark in _shown(run, number, axis)]
    return Line(number, history, tuple(shown), paths, *name)


def _shown(run: list[Mark], number: int, axis: HourAxis) -> Iterator[Mark]:
    """The ends of a run and some marks between, at other hours than those of the other lines."""
    every = max(1, round(_MARKS_APART / axis.step))
    for at, mark in enumerate(run):
        if at in (0, len(run) - 1) or (mark.point.hour.serial + number) % every == 0:
            yield mark
