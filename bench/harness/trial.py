"""Trial: one run of one contender, and the contract of a bench.

A contender does the whole work, and a plain count judges it: `wrong` counts the differences. For a contender that
promises to be exact one is an error, since a fast wrong answer is none.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from config.errors import TrendsError


class AbsentError(TrendsError):
    """A contender that can't run here. The report says so, and all others run."""


@dataclass(frozen=True)
class Trial:
    """The figures of one run."""

    seconds: float
    amount: float
    """The work of that time, in the bench's unit."""
    cpu_s: float | None = None
    """User and system time of the contender's own processes, where the bench can separate it."""
    wrong: int = 0
    """The number of differences from a plain count."""
    figures: dict[str, float] = field(default_factory=dict)
    """Any further figures, by name and unit: `p99 ms`."""


@dataclass(frozen=True)
class Contender:
    """Something to measure. The first of a bench is ours: ratios are to it."""

    name: str
    guarantee: str
    """The guarantee for its result when machines die. Empty where that is no question."""
    run: Callable[[], Trial]
    exact: bool = True
    """Whether a wrong result is an error; else the report counts it."""


class RunOptions(NamedTuple):
    """Options of a measurement."""

    size: int
    """How much input."""
    data: Path
    """Folder of the recorded posts."""
    sample: bool
    """Take posts of the sample generator in place of recorded ones."""
    state: Path
    """Folder for servers, environments and results."""


class Bench(NamedTuple):
    """One question, and the contenders that answer it."""

    name: str
    question: str
    unit: str
    """Of `Trial.amount`. A bench of `s` compares seconds, in which less is better."""
    sizes: tuple[int, ...]
    """How much input, where nobody says: growing, to show how cost grows."""
    contenders: Callable[[RunOptions], AbstractContextManager[list[Contender]]]
