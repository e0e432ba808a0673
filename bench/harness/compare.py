"""Comparison: contenders run in turns, repeatedly, so that disturbances of the machine hit all alike."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from bench.harness.trial import AbsentError, Contender, Trial
from config.errors import TrendsError


class WrongError(TrendsError):
    """A contender that promises to be exact gave a wrong result."""


@dataclass
class Series:
    """The trials of one contender."""

    contender: Contender
    trials: list[Trial] = field(default_factory=list)
    why_absent: str = ""
    """Why there are none."""

    def values(self, unit: str) -> list[float]:
        """The figures to compare: seconds where the unit is `s`, else the amount a second."""
        return [trial.seconds if unit == "s" else trial.amount / trial.seconds for trial in self.trials]

    def median(self, unit: str) -> float | None:
        """The middle of the figures to compare."""
        return statistics.median(self.values(unit)) if self.trials else None

    def figure(self, name: str) -> float | None:
        """The middle of one of the further figures."""
        found = [trial.figures[name] for trial in self.trials if name in trial.figures]
        return statistics.median(found) if found else None

    def cpu_s_a_million(self) -> float | None:
        """The middle of CPU seconds for a million of the amount."""
        found = [trial.cpu_s / trial.amount * 1e6 for trial in self.trials if trial.cpu_s is not None and trial.amount]
        return statistics.median(found) if found else None

    def ratio_to(self, ours: "Series", unit: str) -> float | None:
        """How many times better ours is: more a second, or fewer seconds."""
        mine, theirs = ours.median(unit), self.median(unit)
        if not mine or not theirs:
            return None
        return theirs / mine if unit == "s" else mine / theirs


def compare(contenders: Sequence[Contender], repeat: int, tell: Callable[[str], None]) -> list[Series]:
    """Run each contender `repeat` times. Raises `WrongError` where an exact one gave a wrong result."""
    found = [Series(contender) for contender in contenders]
    for turn in range(1, repeat + 1):
        for series in found:
            if not series.why_absent:
                tell(f"{turn} of {repeat}: {series.contender.name}")
                _run(series)
    return found


def _run(series: Series) -> None:
    contender = series.contender
    try:
        trial = contender.run()
    except AbsentError as error:
        series.why_absent = error.what
        return
    if trial.wrong and contender.exact:
        raise WrongError(
            f"{trial.wrong:,} of its results are wrong",
            where=contender.name,
            next_step="It promises to be exact: find out why before any figure is believed",
        )
    series.trials.append(trial)
