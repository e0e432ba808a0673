"""Count axis: round numbers from 0 up to a count, and the pixels of each."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

from serving.render.charts.labels import width_of

TEXT_SIZE = 12
TOP = 20
"""Pixels above the highest tick, where the number of the best hour stands."""
_TICKS = 5
"""Ticks above 0, at most."""


@dataclass(frozen=True, slots=True)
class CountAxis:
    """Counts from bottom to top."""

    bottom: float
    numbers: Sequence[int]

    @property
    def left(self) -> float:
        """Room for the numbers and the name of the axis."""
        return max(width_of(f"{number:,}", TEXT_SIZE) for number in self.numbers) + 28

    def y(self, number: int) -> float:
        """Where a count is."""
        return self.bottom - (self.bottom - TOP) * number / self.numbers[-1]

    @property
    def ticks(self) -> tuple[tuple[float, int], ...]:
        """Each number with its y, as (y, number)."""
        return tuple((self.y(number), number) for number in self.numbers)


def count_axis(most: int, tall: float) -> CountAxis:
    """0 and the multiples of 1, 2 or 5 times a power of ten, up to the first that is not below `most`."""
    step = next(each for each in (one * 10**power for power in count() for one in (1, 2, 5)) if each * _TICKS >= most)
    return CountAxis(TOP + tall, range(0, step * max(1, -(-most // step)) + 1, step))
