"""Ways: how a day's tags go through the places of its hours. Pure; pictures and pages draw the same ways."""

from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from ingest.hours import Hour
from serving.answers.day import Cell, Day, Series


@dataclass(frozen=True, slots=True)
class Spot:
    """A tag among the first of an hour."""

    at: int
    """The hour, counted from 0 in its day."""
    place: int
    """Counted from 1, and nobody else's, as ties are ordered too."""
    hour: Hour
    cell: Cell


@dataclass(frozen=True, slots=True)
class Way:
    """One tag's way: a run for each stretch of hours in a row in which it is among the first. It has one at least."""

    number: int
    """Of the tag among those that are followed, counted from 0."""
    series: Series
    runs: tuple[tuple[Spot, ...], ...]

    @property
    def spots(self) -> tuple[Spot, ...]:
        """All of them by hour."""
        return tuple(spot for run in self.runs for spot in run)


def ways(day: Day, most: int) -> list[Way]:
    """The ways of the day's first `most` tags; one that is nowhere among the first of an hour has none."""
    followed = {series.row.tag: number for number, series in enumerate(day.series[:most])}
    runs: list[list[list[Spot]]] = [[] for _ in followed]
    for at, line in enumerate(day.lines):
        for place, cell in enumerate(line.cells, start=1):
            number = followed.get(cell.row.tag)
            if number is None:
                continue
            if not runs[number] or runs[number][-1][-1].at < at - 1:
                runs[number].append([])
            runs[number][-1].append(Spot(at, place, line.hour, cell))
    return [Way(number, day.series[number], tuple(map(tuple, each))) for number, each in enumerate(runs) if each]


def begins_day(hours: Sequence[Hour], tz: ZoneInfo) -> list[bool]:
    """For each of some hours whether it is the first of them on its local day."""
    dates = [hour.start.astimezone(tz).date() for hour in hours]
    return [at == 0 or date != dates[at - 1] for at, date in enumerate(dates)]
