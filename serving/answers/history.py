"""History: one tag hour by hour, with its spellings. Pure."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ingest.hours import Hour
from serving.answers.merge import State, View, ranks_by_tag
from serving.answers.rule_versions import RuleNow, Rules, rules_of
from serving.answers.spelling import by_uses
from serving.views.documents import HASHTAGS, Lens, Origin


@dataclass(frozen=True, slots=True)
class Point:
    """A tag in one hour."""

    hour: Hour
    count: int | None = None
    """None for an hour without data, or without this tag among the first that it keeps."""
    rank: int | None = None
    at_most: int | None = 0
    """The most that the count can be; None for an hour without data."""
    uses: int | None = None
    """Of all tags."""
    origin: Origin | None = None
    state: State | None = None
    rule: str | None = None


@dataclass(frozen=True)
class History:
    """A tag in the hours `[since, until)`."""

    tag: str
    since: Hour
    until: Hour
    points: tuple[Point, ...]
    """One for each hour, ascending."""
    lens: Lens
    spellings: tuple[tuple[str, int], ...]
    """Each spelling that an hour shows, with the uses in those hours, most first, then by code point."""
    rules: Rules = field(default_factory=Rules)

    @property
    def shown(self) -> str:
        """The spelling most used in all hours; without a use the tag itself."""
        return self.spellings[0][0] if self.spellings else self.tag

    @property
    def uses(self) -> int:
        """In all hours together, as far as known."""
        return sum(point.count or 0 for point in self.points)

    @property
    def max_error(self) -> int:
        """The most that `uses` can lack: 0 is exact."""
        return sum(point.at_most or 0 for point in self.points if point.count is None)

    @property
    def missing(self) -> tuple[Hour, ...]:
        """Hours without data."""
        return tuple(point.hour for point in self.points if point.origin is None)

    @property
    def best(self) -> Point | None:
        """The hour with most uses, the first of equals; None where there is no use at all."""
        return max((point for point in self.points if point.count), key=lambda each: each.count or 0, default=None)


def history(tag: str, views: Iterable[View], since: Hour, until: Hour, rule_now: RuleNow | None = None) -> History:
    """A tag in the hours `[since, until)`, of views with all their rows, ascending."""
    return histories([tag], views, since, until, rule_now)[0]


def histories(
    tags: Sequence[str], views: Iterable[View], since: Hour, until: Hour, rule_now: RuleNow | None = None
) -> tuple[History, ...]:
    """Several tags in the hours `[since, until)`. Reads each view once."""
    known: dict[str, dict[Hour, Point]] = {tag: {} for tag in tags}
    spelled: dict[str, Counter[str]] = {tag: Counter() for tag in tags}
    lens = HASHTAGS
    for view in views:
        lens = view.lens
        ranks = ranks_by_tag(view)
        for tag in tags:
            rank, row = ranks.get(tag, (None, None))
            count = row.count if row else None if view.cut_at else 0
            at_most = view.cut_at if count is None else count
            point = Point(view.hour, count, rank, at_most, view.uses, view.origin, view.state, view.rule)
            known[tag][view.hour] = point
            if row:
                spelled[tag][row.shown] += row.count
    hours = [since.plus(step) for step in range(until.serial - since.serial)]
    points = {tag: tuple(known[tag].get(hour, Point(hour, at_most=None)) for hour in hours) for tag in tags}
    rules = rules_of(points[tags[0]], rule_now)
    return tuple(History(tag, since, until, points[tag], lens, tuple(by_uses(spelled[tag])), rules) for tag in tags)
