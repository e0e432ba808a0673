"""Bump chart: the ranks of a day's tags, hour by hour. Pure geometry; `templates/bump.svg` draws it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal
from zoneinfo import ZoneInfo

from ingest.hours import Hour
from serving.answers.day import Day
from serving.answers.rank_tracks import RankPoint, RankTrack, rank_tracks
from serving.render.charts.hour_axis import HourAxis, hour_axis
from serving.render.charts.labels import Label, label_of, width_of
from serving.render.charts.palette import LIGHT, SHAPES
from serving.views.documents import Row

LINES = len(SHAPES)
"""Tags of a chart, each with a shape of its own."""
COLOURED = len(LIGHT.lines)
"""Lines with a colour of their own: more of them nobody tells apart."""
NAME_SIZE = 13
_LEFT, _TOP, _ROW = 32, 26, 36
"""Pixels: left of the columns, above the first place, between two places."""
_BESIDE, _ABOVE = 13, 11
"""Pixels from a mark to the name beside it, and up to the name above it."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A tag among the first of an hour."""

    x: float
    y: float
    hour: Hour
    rank: int
    count: int


@dataclass(frozen=True, slots=True)
class Name:
    """The text beside the first or the last mark of a line, or above another one, and where it stands."""

    label: Label
    x: float
    y: float
    anchor: Literal["start", "middle", "end"]
    """SVG's `text-anchor`."""

    @property
    def left(self) -> float:
        """Where its first pixel is."""
        return self.x - self.width * {"start": 0, "middle": 0.5, "end": 1}[self.anchor]

    @property
    def width(self) -> float:
        """Pixels, estimated."""
        return width_of(self.label.text, NAME_SIZE)

    def covers(self, other: "Name") -> bool:
        """Whether the two stand over each other."""
        is_beside = self.left + self.width < other.left or other.left + other.width < self.left
        return abs(self.y - other.y) < NAME_SIZE + 2 and not is_beside

    def hides(self, mark: "Mark") -> bool:
        """Whether it stands over a mark."""
        return self.left - 6 < mark.x < self.left + self.width + 6 and -6 < self.y - mark.y < NAME_SIZE + 2


@dataclass(frozen=True, slots=True)
class Line:
    """One tag through the places."""

    number: int
    """Of its colour and its shape."""
    row: Row
    marks: tuple[Mark, ...]
    paths: tuple[str, ...]
    """SVG paths, one for each run of hours without a hole."""
    names: tuple[Name, ...]
    """At its beginning and its end, where those are the first and the last hour; otherwise one, beside it."""

    @property
    def is_coloured(self) -> bool:
        """Whether it has a colour of its own."""
        return self.number < COLOURED


@dataclass(frozen=True, slots=True)
class Bump:
    """Places by hour."""

    width: float
    height: float
    bottom: float
    """Of the columns: the hours stand below."""
    axis: HourAxis
    places: tuple[tuple[float, int], ...]
    """y and place."""
    scale: float
    """Of the marks: smaller where columns are narrow."""
    lines: tuple[Line, ...]


def bump(day: Day, tz: ZoneInfo, current: Hour | None = None) -> Bump:
    """The tags with most uses by their places; a line breaks while its tag is not among the first of an hour.

    `current`: the hour in progress.
    """
    deepest = max((len(line.cells) for line in day.lines), default=0)
    tracks = rank_tracks(day, LINES)
    labels = {track.number: label_of(track.series.row.shown, day.whole.lens) for track in tracks}
    wide = {number: width_of(label.text, NAME_SIZE) for number, label in labels.items()}
    left = max((wide[track.number] for track in tracks if track.points[0].at == 0), default=0)
    right = max((wide[track.number] for track in tracks if track.points[-1].at == len(day.lines) - 1), default=0)
    axis = hour_axis(day.hours, day.whole.missing, tz, _LEFT + left, current, right=right + 8)
    lines = _lines(tracks, labels, axis)
    bottom = _y(max(1, deepest)) + _ROW / 2
    return Bump(
        width=max([axis.right, *(name.left + name.width for line in lines for name in line.names)]) + 8,
        height=bottom + 40,
        bottom=bottom,
        axis=axis,
        places=tuple((_y(place), place) for place in range(1, deepest + 1)),
        scale=min(1, axis.step / 14),
        lines=lines,
    )


def _lines(tracks: Sequence[RankTrack], labels: Mapping[int, Label], axis: HourAxis) -> tuple[Line, ...]:
    marks = {track.number: tuple(_mark(spot, axis) for spot in track.points) for track in tracks}
    names = {track.number: _at_edges(marks[track.number], labels[track.number], axis) for track in tracks}
    for number, own in marks.items():
        if not names[number]:
            others = [name for each in names.values() for name in each]
            every = [mark for each in marks.values() for mark in each]
            names[number] = (_inside(own, labels[number], axis, others, every),)
    return tuple(
        Line(each.number, each.series.row, marks[each.number], _paths(each, axis), names[each.number])
        for each in tracks
    )


def _y(place: int) -> float:
    return _TOP + _ROW * (place - 1)


def _mark(spot: RankPoint, axis: HourAxis) -> Mark:
    return Mark(axis.ticks[spot.at].x, _y(spot.place), spot.hour, spot.cell.rank, spot.cell.row.count)


def _paths(track: RankTrack, axis: HourAxis) -> tuple[str, ...]:
    return tuple(_path(run, axis) for run in track.runs)


def _path(run: Sequence[RankPoint], axis: HourAxis) -> str:
    """A curve that is level at each mark."""
    x, y = axis.ticks[run[0].at].x, _y(run[0].place)
    steps = [f"M{x:g},{y:g}"]
    for spot in run[1:]:
        middle, before = x + axis.step / 2, y
        x, y = axis.ticks[spot.at].x, _y(spot.place)
        steps.append(f"C{middle:g},{before:g} {middle:g},{y:g} {x:g},{y:g}")
    return "".join(steps)


def _at_edges(marks: Sequence[Mark], label: Label, axis: HourAxis) -> tuple[Name, ...]:
    """Names beside the columns, of a line that begins with the first hour or ends with the last."""
    first, last = marks[0], marks[-1]
    left = [_left_of(first, label)] if first.hour == axis.ticks[0].hour else []
    return (*left, *([_right_of(last, label)] if last.hour == axis.ticks[-1].hour else []))


def _left_of(mark: Mark, label: Label) -> Name:
    return Name(label, mark.x - _BESIDE, mark.y + 4.5, "end")


def _right_of(mark: Mark, label: Label) -> Name:
    return Name(label, mark.x + _BESIDE, mark.y + 4.5, "start")


def _inside(marks: Sequence[Mark], label: Label, axis: HourAxis, others: Sequence[Name], every: Sequence[Mark]) -> Name:
    """The name of a line within the columns: after its end, before its beginning, or above a mark of it.

    It takes the first place that covers no name and no mark, or else the one that covers least.
    """
    best_first = sorted(marks, key=lambda mark: (mark.y, -mark.x))
    above = [Name(label, mark.x, mark.y - _ABOVE, "middle") for mark in best_first]
    places = [_right_of(marks[-1], label), _left_of(marks[0], label), *above]
    inside = [each for each in places if axis.left <= each.left and each.left + each.width <= axis.right]

    def covered(name: Name) -> int:
        return 8 * sum(map(name.covers, others)) + sum(map(name.hides, every))

    return min(inside or places[:1], key=covered)
