"""Sparkline: a tag's uses in each of some hours, as small bars in a row of a table. Pure; `sparkline.svg` draws it.

The scale is the tag's own: its largest hour, or projection, fills the height.
"""

from collections.abc import Sequence
from typing import NamedTuple

from config.quantity import quantity

STEP, BAR, TALL = 4, 3, 24
"""Pixels from one bar to the next, of a bar, and of the highest."""
_LEAST = 1.5
"""Pixels of the lowest bar: one use is never nothing."""


class SparkBar(NamedTuple):
    """An hour with uses; `y` counts from above."""

    x: int
    y: float
    height: float

    @property
    def path(self) -> str:
        """Its outline, from the base up and back. A page has hundreds of them: a path is a quarter of a `rect`."""
        return f"M{self.x} {TALL}v-{self.height:g}h{BAR}v{self.height:g}z"


class Sparkline(NamedTuple):
    """Bars by hour, the last of them the hour that the row is about."""

    width: int
    bars: tuple[SparkBar, ...]
    holes: tuple[int, ...]
    """x of each hour whose uses are unknown."""
    projection: SparkBar | None
    """What the last bar may become."""
    label: str

    @property
    def past(self) -> str:
        """The path of all bars but that of the last hour."""
        return "".join(bar.path for bar in self.bars if bar.x != self._last)

    @property
    def now(self) -> str:
        """The path of the last hour; empty without a use."""
        return "".join(bar.path for bar in self.bars if bar.x == self._last)

    @property
    def unknown(self) -> str:
        """The path of the hours whose uses are unknown."""
        return "".join(SparkBar(x, 0, TALL).path for x in self.holes)

    @property
    def _last(self) -> int:
        return self.width - STEP


def sparkline(counts: Sequence[int | None], projection: int | None = None) -> Sparkline:
    """The bars of some hours; None is unknown."""
    most = max(1, projection or 0, *(count or 0 for count in counts))

    def bar(at: int, count: int) -> SparkBar:
        tall = round(max(_LEAST, TALL * count / most), 1)
        return SparkBar(at * STEP, round(TALL - tall, 1), tall)

    last = len(counts) - 1
    return Sparkline(
        width=len(counts) * STEP,
        bars=tuple(bar(at, count) for at, count in enumerate(counts) if count),
        holes=tuple(at * STEP for at, count in enumerate(counts) if count is None),
        projection=None if projection is None else bar(last, projection),
        label=_label(counts),
    )


def _label(counts: Sequence[int | None]) -> str:
    """The series in words: its first, highest and last hours, which is what one reads from the bars."""
    known = [count for count in counts if count is not None]
    unknown = len(counts) - len(known)
    most = max(known, default=0)
    ago = len(counts) - 1 - max((at for at, count in enumerate(counts) if count == most), default=0)
    when = "in this hour" if ago == 0 else "in the hour before" if ago == 1 else f"{quantity(ago, 'hour')} before"
    words = f"{quantity(len(counts), 'hour')}: most uses {most:,}, {when}"
    return words + (f"; {unknown} unknown" if unknown else "")
