"""Hour axis: hours from left to right, each in a column of its own, and the stretches without data."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from zoneinfo import ZoneInfo

from ingest.hours import Hour
from serving.answers.rank_tracks import begins_day

WIDEST = 1_200
"""Pixels of a chart with its texts, as long as each column has `_NARROWEST`: as many as a page has on a desk."""
_NARROWEST, _BROADEST = 6, 40
_DAY_ROOM = 48
"""Pixels between the names of two days."""


@dataclass(frozen=True, slots=True)
class Tick:
    """One hour."""

    x: float
    """The middle of its column."""
    hour: Hour
    clock: str
    """The local hour, `07` or `05:30`; empty if the columns are too narrow for each to have a text."""
    day: str
    """`06 Jan` below the first hour of a local day, `so far` below the hour in progress; empty below the others."""


@dataclass(frozen=True, slots=True)
class Hole:
    """Hours in a row without data."""

    x: float
    width: float


@dataclass(frozen=True, slots=True)
class DayHours:
    """A local day."""

    label: str
    """`06 Jan`."""
    hours: int
    """Its hours on the axis."""


@dataclass(frozen=True, slots=True)
class HourAxis:
    """The columns of a chart."""

    left: float
    step: int
    """Pixels of a column."""
    ticks: tuple[Tick, ...]
    holes: tuple[Hole, ...]
    days: tuple[DayHours, ...]
    in_progress: Hole | None = None
    """The column of the hour in progress."""

    @property
    def right(self) -> float:
        """The end of the last column."""
        return self.left + self.step * len(self.ticks)


def hour_axis(  # noqa: PLR0913 - the hours, and the room for them
    hours: Sequence[Hour],
    missing: Sequence[Hour],
    tz: ZoneInfo,
    left: float,
    current: Hour | None = None,
    *,
    right: float = 100,
) -> HourAxis:
    """The columns of some hours, from `left` on, with the labels of a local clock. `current`: the hour in progress.

    `right`: pixels for the texts after the columns.
    """
    step = max(_NARROWEST, min(_BROADEST, int(WIDEST - left - right) // len(hours)))
    xs = [left + step * (at + 0.5) for at in range(len(hours))]
    days = _days(hours, xs, tz, current)
    ticks = [
        Tick(x, hour, clock, day) for x, hour, clock, day in zip(xs, hours, _clocks(hours, step, tz), days, strict=True)
    ]
    holes = tuple(_holes(hours, frozenset(missing), left, step))
    column = Hole(left + step * hours.index(current), step) if current in hours else None
    return HourAxis(left, step, tuple(ticks), holes, tuple(_each_day(hours, tz)), column)


def _each_day(hours: Sequence[Hour], tz: ZoneInfo) -> Iterator[DayHours]:
    for _, of_day in groupby((hour.start.astimezone(tz) for hour in hours), key=lambda local: local.date()):
        first, *others = of_day
        yield DayHours(f"{first:%d %b}", 1 + len(others))


def _holes(hours: Sequence[Hour], missing: frozenset[Hour], left: float, step: int) -> list[Hole]:
    holes: list[Hole] = []
    for at, hour in enumerate(hours):
        if hour not in missing:
            continue
        if at and hours[at - 1] in missing:
            last = holes.pop()
            holes.append(Hole(last.x, last.width + step))
        else:
            holes.append(Hole(left + step * at, step))
    return holes


def _clocks(hours: Sequence[Hour], step: int, tz: ZoneInfo) -> list[str]:
    """Every hour, or every sixth if the columns are narrow."""
    local = [hour.start.astimezone(tz) for hour in hours]
    texts = [f"{each:%H}" if each.minute == 0 else f"{each:%H:%M}" for each in local]
    room = max(8 * len(text) for text in texts)
    return [text if step >= room or each.hour % 6 == 0 else "" for text, each in zip(texts, local, strict=True)]


def _days(hours: Sequence[Hour], xs: Sequence[float], tz: ZoneInfo, current: Hour | None) -> list[str]:
    """The name of each local day below its first hour, unless the next text would cover it."""
    begins = [at for at, new in enumerate(begins_day(hours, tz)) if new]
    texts = {at: f"{hours[at].start.astimezone(tz):%d %b}" for at in begins}
    if current in hours:
        texts.setdefault(hours.index(current), "so far")
    places = sorted(texts)
    days = [""] * len(hours)
    for at, following in zip(places, [*places[1:], None], strict=True):
        if following is None or xs[following] - xs[at] >= _DAY_ROOM:
            days[at] = texts[at]
    return days
