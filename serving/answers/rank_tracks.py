"""Rank tracks: how a day's tags move through the places of its hours. Pure; charts and pages draw the same tracks."""

from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from ingest.hours import Hour
from serving.answers.day import Cell, Day, Series


@dataclass(frozen=True, slots=True)
class RankPoint:
    """A tag among the first of an hour."""

    at: int
    """The hour, counted from 0 in its day."""
    place: int
    """From 1, and unique, because ties have an order too."""
    hour: Hour
    cell: Cell


@dataclass(frozen=True, slots=True)
class RankTrack:
    """One tag's track: a run for each stretch of consecutive hours with the tag among the first. At least one."""

    number: int
    """The tag's index among the tags of the tracks, from 0."""
    series: Series
    runs: tuple[tuple[RankPoint, ...], ...]

    @property
    def points(self) -> tuple[RankPoint, ...]:
        """All points by hour."""
        return tuple(point for run in self.runs for point in run)


def rank_tracks(day: Day, most: int) -> list[RankTrack]:
    """The tracks of the day's first `most` tags. A tag that is never among the first of an hour has none."""
    followed = {series.row.tag: number for number, series in enumerate(day.series[:most])}
    runs: list[list[list[RankPoint]]] = [[] for _ in followed]
    for at, line in enumerate(day.lines):
        for place, cell in enumerate(line.cells, start=1):
            number = followed.get(cell.row.tag)
            if number is None:
                continue
            if not runs[number] or runs[number][-1][-1].at < at - 1:
                runs[number].append([])
            runs[number][-1].append(RankPoint(at, place, line.hour, cell))
    return [RankTrack(number, day.series[number], tuple(map(tuple, each))) for number, each in enumerate(runs) if each]


def begins_day(hours: Sequence[Hour], tz: ZoneInfo) -> list[bool]:
    """For each of some hours whether it is the first of them on its local day."""
    dates = [hour.start.astimezone(tz).date() for hour in hours]
    return [at == 0 or date != dates[at - 1] for at, date in enumerate(dates)]
