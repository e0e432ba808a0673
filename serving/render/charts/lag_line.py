"""Lag line: a number over time as a line, with a break wherever it is unknown or nobody took samples. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from ingest.hours import Millis

WIDTH, HEIGHT = 600, 80
MOST_POINTS = 300
"""Points of a line: of several samples in one place the largest counts."""
BREAK_MS = 180_000
"""A longer distance between two samples breaks the line."""

Sample = tuple[Millis, int | None]
"""A moment and the number then; None: unknown."""


@dataclass(frozen=True)
class LagLine:
    """The geometry of a chart of `WIDTH` by `HEIGHT`."""

    paths: list[str]
    """Each unbroken part of the line as the data of an SVG path."""
    since: Millis
    until: Millis
    most: int
    """The largest number: the height of the chart."""
    most_at: Millis
    now: int | None
    """The last number."""


def lag_line(samples: Sequence[Sample]) -> LagLine | None:
    """The line of ascending samples; None without a number."""
    known = [(at, value) for at, value in samples if value is not None]
    if not known:
        return None
    since, until = samples[0][0], samples[-1][0]
    most_at, most = max(known, key=lambda each: each[1])
    step = -(-len(samples) // MOST_POINTS)
    parts = _parts(_thinned(samples, step), BREAK_MS * step)
    paths = [_path(part, since, max(until - since, 1), max(most, 1)) for part in parts]
    return LagLine(paths, since, until, most, most_at, samples[-1][1])


def _thinned(samples: Sequence[Sample], step: int) -> list[Sample]:
    groups = [samples[at : at + step] for at in range(0, len(samples), step)]
    return [max(group, key=lambda each: -1 if each[1] is None else each[1]) for group in groups]


def _parts(samples: Sequence[Sample], longest: Millis) -> list[list[tuple[Millis, int]]]:
    parts: list[list[tuple[Millis, int]]] = []
    before: Millis | None = None
    for at, value in samples:
        if value is None:
            before = None
            continue
        if before is None or at - before > longest:
            parts.append([])
        parts[-1].append((at, value))
        before = at
    return parts


def _path(part: Sequence[tuple[Millis, int]], since: Millis, span: Millis, most: int) -> str:
    places = [f"{WIDTH * (at - since) / span:.1f} {HEIGHT * (1 - value / most):.1f}" for at, value in part]
    return "M" + "L".join(places if len(places) > 1 else places * 2)
