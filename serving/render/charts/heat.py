"""Heat map: a day's tags by hour, a shade for each count. Pure geometry; `templates/heat.svg` draws it.

The dashboard writes the same rows and levels as a table.
"""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from ingest.hours import Hour
from serving.answers.day import Day, Series
from serving.render.charts.hour_axis import HourAxis, hour_axis
from serving.render.charts.labels import Label, label_of, width_of
from serving.render.charts.palette import LIGHT

LEVELS = len(LIGHT.shades)
NAME_SIZE = 13
ROW = 26
"""Pixels of a tag."""
NUMBERS_FROM = 26
"""Pixels of an hour from which on its numbers have room."""
_LEGEND = 96
"""Pixels right of the columns."""


@dataclass(frozen=True, slots=True)
class HeatCell:
    """A tag in an hour. `count` and `level` are None if the hour is missing or keeps only its first tags."""

    x: float
    hour: Hour
    count: int | None
    level: int | None
    """0 to `LEVELS`; 0: not used."""
    text: str
    """The count, short enough for its cell."""


@dataclass(frozen=True, slots=True)
class HeatRow:
    """A tag through all hours."""

    y: float
    series: Series
    label: Label
    cells: tuple[HeatCell, ...]


@dataclass(frozen=True, slots=True)
class LegendBox:
    """One shade and the counts that have it."""

    y: float
    level: int
    text: str


@dataclass(frozen=True, slots=True)
class Heat:
    """Counts by tag and hour."""

    width: float
    height: float
    bottom: float
    """Of the columns: the hours stand below."""
    axis: HourAxis
    rows: tuple[HeatRow, ...]
    legend: tuple[LegendBox, ...]


def heat(day: Day, tz: ZoneInfo, current: Hour | None = None) -> Heat:
    """The uses of the most used tags in each hour.

    Levels grow with the logarithm, so that beside one great count small ones differ too. `current`: the hour in
    progress.
    """
    labels = [label_of(series.row.shown, day.whole.lens) for series in day.series]
    left = max((width_of(label.text, NAME_SIZE) for label in labels), default=0) + 12
    axis = hour_axis(day.hours, day.whole.missing, tz, left, current)
    bounds = _bounds(max((count or 0 for series in day.series for count in series.counts), default=0))
    rows = tuple(
        HeatRow(ROW * number, series, label, _cells(series, axis, bounds))
        for number, (series, label) in enumerate(zip(day.series, labels, strict=True))
    )
    legend = tuple(_legend(bounds))
    bottom = ROW * max(1, len(rows))
    return Heat(axis.right + _LEGEND, max(bottom + 40, ROW * (len(legend) + 1)), bottom, axis, rows, legend)


def _cells(series: Series, axis: HourAxis, bounds: list[int]) -> tuple[HeatCell, ...]:
    has_room = axis.step >= NUMBERS_FROM
    return tuple(
        HeatCell(
            x=tick.x - axis.step / 2,
            hour=tick.hour,
            count=count,
            level=None if count is None else _level(count, bounds),
            text=_short(count) if count and has_room else "",
        )
        for tick, count in zip(axis.ticks, series.counts, strict=True)
    )


def _bounds(most: int) -> list[int]:
    """The highest count of each level."""
    return [round((1 + most) ** (level / LEVELS) - 1) for level in range(1, LEVELS + 1)]


def _level(count: int, bounds: list[int]) -> int:
    """The level of a count; of levels that end at the same count, the darkest, so the highest count has the darkest."""
    return bisect_right(bounds, bounds[bisect_left(bounds, count)]) if count else 0


def _legend(bounds: list[int]) -> list[LegendBox]:
    """Boxes from most uses to fewest; it leaves out a level that `_level` gives to no count."""
    level_of = {high: level for level, high in enumerate(bounds, start=1) if high}
    lows = [1, *(high + 1 for high in level_of)]
    ranges = list(zip(lows, level_of.items(), strict=False))
    return [
        LegendBox(ROW * number, level, _between(low, high))
        for number, (low, (high, level)) in enumerate(reversed(ranges), start=1)
    ]


def _between(low: int, high: int) -> str:
    return f"{low:,}" if low == high else f"{low:,}–{high:,}"


def _short(count: int) -> str:
    if count < 1_000:
        return f"{count}"
    size, unit = (1_000, "k") if count < 1_000_000 else (1_000_000, "M")
    return f"{count / size:.1f}{unit}" if count < 10 * size else f"{count // size}{unit}"
