"""Hour axis: hours from left to right, each in a column of its own, and the stretches without data."""

from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from ingest.hours import Hour
from serving.answers.rank_tracks import begins_day

_WIDEST = 1_040
"""Pixels of all columns together, as long as each has `_NARROWEST`."""
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
    """`06 Jan` below the first hour of a local day; empty below the others."""


@dataclass(frozen=True, slots=True)
class Hole:
    """Hours in a row without data."""

    x: float
    width: float


@dataclass(frozen=True, slots=True)
class HourAxis:
    """The columns of a chart."""

    left: float
    step: int
    """Pixels of a column."""
    ticks: tuple[Tick, ...]
    holes: tuple[Hole, ...]

    @property
    def right(self) -> float:
        """The end of the last column."""
        return self.left + self.step * len(self.ticks)


def hour_axis(hours: Sequence[Hour], missing: Sequence[Hour], tz: ZoneInfo, left: float) -> HourAxis:
    """The columns of some hours, from `left` on, with the labels of a local clock."""
    step = max(_NARROWEST, min(_BROADEST, _WIDEST // len(hours)))
    xs = [left + step * (at + 0.5) for at in range(len(hours))]
    days = _days(hours, xs, tz)
    ticks = [
        Tick(x, hour, clock, day) for x, hour, clock, day in zip(xs, hours, _clocks(hours, step, tz), days, strict=True)
    ]
    return HourAxis(left, step, tuple(ticks), tuple(_holes(hours, frozenset(missing), left, step)))


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


def _days(hours: Sequence[Hour], xs: Sequence[float], tz: ZoneInfo) -> list[str]:
    """The name of each local day below its first hour, unless the next name would cover it."""
    begins = [at for at, new in enumerate(begins_day(hours, tz)) if new]
    days = [""] * len(hours)
    for at, following in zip(begins, [*begins[1:], None], strict=True):
        if following is None or xs[following] - xs[at] >= _DAY_ROOM:
            days[at] = f"{hours[at].start.astimezone(tz):%d %b}"
    return days
