"""Bump chart: the ranks of a day's tags, hour by hour. Pure geometry; `templates/bump.svg` draws it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal
from zoneinfo import ZoneInfo

from ingest.hours import Hour
from serving.answers.day import Day
from serving.answers.rank_tracks import RankPoint, RankTrack, rank_tracks
from serving.render.charts.hour_axis import HourAxis, hour_axis
from serving.render.charts.labels import Label, label_of, width_of
from serving.render.charts.palette import LIGHT
from serving.views.documents import Lens, Row

LINES = len(LIGHT.lines)
"""Tags of a chart, each with a colour and a shape of its own."""
NAME_SIZE = 13
_LEFT, _TOP, _ROW = 32, 26, 36
"""Pixels: left of the columns, above the first place, between two places."""
_ABOVE = 11
"""Pixels from a mark up to the name above it."""


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
    """The text beside the last mark of a line, or above its best one, and where it stands."""

    label: Label
    x: float
    y: float
    anchor: Literal["start", "middle"]
    """SVG's `text-anchor`."""

    @property
    def left(self) -> float:
        """Where its first pixel is."""
        return self.x - (self.width / 2 if self.anchor == "middle" else 0)

    @property
    def width(self) -> float:
        """Pixels, estimated."""
        return width_of(self.label.text, NAME_SIZE)

    def covers(self, other: "Name") -> bool:
        """Whether the two stand over each other."""
        is_beside = self.left + self.width < other.left or other.left + other.width < self.left
        return abs(self.y - other.y) < NAME_SIZE + 2 and not is_beside


@dataclass(frozen=True, slots=True)
class Line:
    """One tag through the places."""

    number: int
    """Of its colour and its shape."""
    row: Row
    marks: tuple[Mark, ...]
    paths: tuple[str, ...]
    """SVG paths, one for each run of hours without a hole."""
    name: Name


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


def bump(day: Day, tz: ZoneInfo) -> Bump:
    """The tags with most uses by their places; a line breaks while its tag is not among the first of an hour."""
    deepest = max((len(line.cells) for line in day.lines), default=0)
    axis = hour_axis(day.hours, day.whole.missing, tz, _LEFT)
    lines = tuple(_lines(day, axis))
    bottom = _y(max(1, deepest)) + _ROW / 2
    return Bump(
        width=max([axis.right, *(line.name.left + line.name.width for line in lines)]) + 8,
        height=bottom + 40,
        bottom=bottom,
        axis=axis,
        places=tuple((_y(place), place) for place in range(1, deepest + 1)),
        scale=min(1, axis.step / 14),
        lines=lines,
    )


def _lines(day: Day, axis: HourAxis) -> Iterator[Line]:
    tracks = rank_tracks(day, LINES)
    names = _names(tracks, axis, day.whole.lens)
    for track in tracks:
        marks = tuple(_mark(spot, axis) for spot in track.points)
        paths = tuple(_path(run, axis) for run in track.runs)
        yield Line(track.number, track.series.row, marks, paths, names[track.number])


def _y(place: int) -> float:
    return _TOP + _ROW * (place - 1)


def _mark(spot: RankPoint, axis: HourAxis) -> Mark:
    return Mark(axis.ticks[spot.at].x, _y(spot.place), spot.hour, spot.cell.rank, spot.cell.row.count)


def _path(run: Sequence[RankPoint], axis: HourAxis) -> str:
    """A curve that is level at each mark."""
    x, y = axis.ticks[run[0].at].x, _y(run[0].place)
    steps = [f"M{x:g},{y:g}"]
    for spot in run[1:]:
        middle, before = x + axis.step / 2, y
        x, y = axis.ticks[spot.at].x, _y(spot.place)
        steps.append(f"C{middle:g},{before:g} {middle:g},{y:g} {x:g},{y:g}")
    return "".join(steps)


def _names(tracks: Sequence[RankTrack], axis: HourAxis, lens: Lens) -> dict[int, Name]:
    """Beside the mark of the last hour; without one, above the best mark where no other name stands."""
    names: dict[int, Name] = {}
    for track in sorted(tracks, key=lambda track: -track.points[-1].at):
        label, last = label_of(track.series.row.shown, lens), track.points[-1]
        if last.at == len(axis.ticks) - 1:
            names[track.number] = Name(label, axis.ticks[-1].x + 13, _y(last.place) + 4.5, "start")
            continue
        above = [_above(spot, axis, label) for spot in sorted(track.points, key=lambda spot: (spot.place, -spot.at))]
        free = (name for name in above if not any(map(name.covers, names.values())))
        names[track.number] = next(free, above[0])
    return names


def _above(spot: RankPoint, axis: HourAxis, label: Label) -> Name:
    x, y = axis.ticks[spot.at].x, _y(spot.place) - _ABOVE
    fits = x >= width_of(label.text, NAME_SIZE) / 2
    return Name(label, x, y, "middle") if fits else Name(label, x - 5, y, "start")
