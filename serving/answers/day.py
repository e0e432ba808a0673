"""Day: each hour's first tags and how they moved against the hour before; the tags of all hours as series.

Pure: `grid` builds it from views, for any number of hours, mostly 24. A tag has one name in all of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ingest.hours import Hour
from serving.answers.merge import Range, View, competition_ranks, ranks_by_tag, sum_hours, truncate
from serving.answers.rule_versions import RuleNow, Rules, rules_of
from serving.answers.spelling import TagSums
from serving.views.documents import Row

Move = Literal["new", "up", "down", "same", "unknown"]
"""`new`: not used in the hour before. `unknown`: the hour before has no data."""

SERIES = 20
"""Tags in a day's series by default."""

MOST_SIDE_BY_SIDE = 24 * 14
"""Hours that stand side by side at most: as many as a picture has room for."""

Places = Mapping[str, tuple[int, Row]]
"""The rank and the row of each tag of an hour."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One of an hour's first tags."""

    row: Row
    rank: int
    """Competition rank: one more than the number of tags with more uses."""
    was: int | None
    """Its rank in the hour before; None where that hour does not have it."""
    move: Move


@dataclass(frozen=True)
class HourLine:
    """One hour of a day."""

    hour: Hour
    view: View | None
    """Its first n rows; None where no layer has anything."""
    cells: tuple[Cell, ...] = ()


@dataclass(frozen=True, slots=True)
class Series:
    """One tag through all hours. None: unknown, for an hour without data, or cut above the tag."""

    row: Row
    """Its sum over all hours."""
    counts: tuple[int | None, ...]
    ranks: tuple[int | None, ...]
    """None also where the hour has no use of it."""


@dataclass(frozen=True)
class Day:
    """The hours `[since, until)`, each by itself."""

    lines: tuple[HourLine, ...]
    """One for each hour, ascending, those without data too."""
    series: tuple[Series, ...]
    """The tags with most uses in all hours, ranked as a sum is."""
    whole: Range
    """All hours as one ranking: totals, holes, how far off a sum can be."""

    @property
    def rules(self) -> Rules:
        """The versions of the rule behind its hours, and behind the hour before the first."""
        return self.whole.rules

    @property
    def hours(self) -> tuple[Hour, ...]:
        """All hours, ascending."""
        return tuple(line.hour for line in self.lines)


def grid(  # noqa: PLR0913 - the hours, and how much of them is shown
    views: Sequence[View],
    since: Hour,
    until: Hour,
    n: int,
    most: int = SERIES,
    *,
    rule_now: RuleNow | None = None,
) -> Day:
    """A day of views with all their rows, ascending: those of `[since, until)`, and of the hour before where known."""
    known = {view.hour: view for view in views}
    placed = {hour: ranks_by_tag(view) for hour, view in known.items()}
    sums = TagSums()
    whole = sum_hours([view for view in views if since <= view.hour < until], since, until, most, sums=sums)
    whole = replace(whole, rules=rules_of(views, rule_now))
    hours = [since.plus(step) for step in range(until.serial - since.serial)]
    lines = tuple(_line(hour, known, placed, n, sums) for hour in hours)
    return Day(lines, tuple(_series(row, hours, known, placed) for row in whole.rows), whole)


def _line(hour: Hour, known: Mapping[Hour, View], placed: Mapping[Hour, Places], n: int, sums: TagSums) -> HourLine:
    if hour not in known:
        return HourLine(hour, None)
    view = truncate(known[hour], n)
    view = replace(view, rows=tuple(map(sums.named, view.rows)))
    before = hour.plus(-1)
    ranks = competition_ranks(view.rows)
    cells = [
        cell_of(row, rank, known.get(before), placed.get(before, {}))
        for row, rank in zip(view.rows, ranks, strict=True)
    ]
    return HourLine(hour, view, tuple(cells))


def cell_of(row: Row, rank: int, before: View | None, placed: Places) -> Cell:
    """A row of an hour against the hour before: that one's view, and its `ranks_by_tag`."""
    if before is None:
        return Cell(row, rank, None, "unknown")
    if row.tag not in placed:
        return Cell(row, rank, None, "up" if before.cut_at else "new")
    was = placed[row.tag][0]
    return Cell(row, rank, was, "up" if rank < was else "down" if rank > was else "same")


def _series(row: Row, hours: Sequence[Hour], known: Mapping[Hour, View], placed: Mapping[Hour, Places]) -> Series:
    counts: list[int | None] = []
    ranks: list[int | None] = []
    for hour in hours:
        rank, there = placed.get(hour, {}).get(row.tag, (None, None))
        ranks.append(rank)
        counts.append(there.count if there else 0 if hour in known and not known[hour].cut_at else None)
    return Series(row, tuple(counts), tuple(ranks))
