"""Merge: two views of an hour become one answer; several hours become one ranking. Pure.

Exactly one layer answers each hour: the batch layer if it has a view, else the speed layer. The two views of an hour
never add up.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Literal, TypeVar

from ingest.hours import Hour, Millis
from serving.answers.bounds import check_tags
from serving.answers.rule_versions import RuleNow, Rules, rules_of
from serving.answers.scores import Surprise
from serving.answers.spelling import TagSums
from serving.views.documents import HASHTAGS, Lens, Origin, Row, rank

State = Literal["live", "provisional", "final"]
"""`live`: the speed layer. `provisional`: batch, of an hour that was not complete, or a late post has come since."""

_FINALITY: tuple[State, ...] = ("live", "provisional", "final")


@dataclass(frozen=True)
class View:
    """One layer's view of an hour."""

    hour: Hour
    origin: Origin
    state: State
    rows: tuple[Row, ...]
    """Ranked: count descending, then tag ascending by code point."""
    tied_beyond: int
    """Tags that are not among `rows` though they have the last row's count."""
    uses: int
    tags: int
    posts: int | None
    """None where only the speed layer answers: it sees uses, not posts."""
    rule: str | None
    computed_at: Millis | None
    lens: Lens = HASHTAGS
    surprise: Surprise | None = None
    """The scores of the rows, where somebody asked for the rows by surprise."""

    @property
    def cut_at(self) -> int:
        """The most that a tag outside `rows` can have: 0 where all tags are there."""
        return self.rows[-1].count if self.rows and len(self.rows) < self.tags else 0


@dataclass(frozen=True)
class Range:
    """Several hours, `[since, until)`, as one ranking."""

    since: Hour
    until: Hour
    views: tuple[View, ...]
    """The hours with data, ascending, without rows: `rows` has their sum."""
    rows: tuple[Row, ...]
    tied_beyond: int
    missing: tuple[Hour, ...]
    """Hours that no layer has anything of."""
    max_error: int
    """The most that a tag's sum can lack: 0 is exact. The sum of the hours' `cut_at`."""
    tags: int | None
    """Distinct tags; None where hours keep only their first ones, so that nobody can know."""
    rules: Rules = field(default_factory=Rules)
    """The versions of the rule behind the hours, and behind hours compared with them."""
    surprise: Surprise | None = None
    """As in a `View`."""

    @property
    def lens(self) -> Lens:
        """The lens of all views."""
        return self.views[0].lens if self.views else HASHTAGS

    @property
    def uses(self) -> int:
        """Uses in all hours."""
        return sum(view.uses for view in self.views)

    @property
    def posts(self) -> int | None:
        """Posts in all hours; None where an hour can't say."""
        counts = [view.posts for view in self.views]
        return None if None in counts else sum(count for count in counts if count is not None)

    @property
    def origin(self) -> Literal["batch", "speed", "mixed"]:
        """`batch`, `speed`, or `mixed`: some hours from one, some from the other."""
        origins = {view.origin for view in self.views}
        return origins.pop() if len(origins) == 1 else "mixed"

    @property
    def state(self) -> State:
        """The least final of the hours' states."""
        return min((view.state for view in self.views), key=_FINALITY.index)

    @property
    def rule(self) -> str | None:
        """The version of the rule, where all hours have the same."""
        rules = {view.rule for view in self.views}
        return rules.pop() if len(rules) == 1 else None

    @property
    def computed_at(self) -> Millis | None:
        """Time of the oldest batch view."""
        return min((view.computed_at for view in self.views if view.computed_at is not None), default=None)


Answer = TypeVar("Answer", View, Range)


def merge(batch: View | None, speed: View | None) -> View | None:
    """The one view that answers an hour."""
    return batch if batch is not None else speed


def truncate(answer: Answer, n: int) -> Answer:
    """An answer cut to its first n rows, ties beyond them counted."""
    if n >= len(answer.rows):
        return answer
    rows, rest = answer.rows[:n], answer.rows[n:]
    tied = sum(row.count == rows[-1].count for row in rest)
    if tied == len(rest):
        tied += answer.tied_beyond
    return replace(answer, rows=rows, tied_beyond=tied)


def places(answer: View | Range) -> list[int]:
    """The rank of each row, 1, 2, 2, 4: one more than the number of rows with more uses, or of a larger score."""
    if answer.surprise is None or not answer.surprise.is_known:
        return competition_ranks(answer.rows)
    scores = [each.score for each in answer.surprise.scores]
    return [scores.index(score) + 1 for score in scores]


def competition_ranks(rows: Iterable[Row]) -> list[int]:
    """Competition ranks, 1, 2, 2, 4: one more than the number of rows with a larger count."""
    ranks: list[int] = []
    last = None
    for place, row in enumerate(rows, start=1):
        ranks.append(ranks[-1] if row.count == last else place)
        last = row.count
    return ranks


def ranks_by_tag(view: View) -> dict[str, tuple[int, Row]]:
    """The competition rank and the row of every tag that the view has."""
    return {row.tag: (rank, row) for rank, row in zip(competition_ranks(view.rows), view.rows, strict=True)}


def side_by_side(views: Iterable[View]) -> list[View]:
    """Some hours as one answer: a tag has one name in all of them, by the rows that they show."""
    held = list(views)
    sums = TagSums()
    for view in held:
        sums.add(view.rows)
    return [replace(view, rows=tuple(map(sums.named, view.rows))) for view in held]


def sum_hours(  # noqa: PLR0913 - what is summed, and how much of it is told and held
    views: Iterable[View],
    since: Hour,
    until: Hour,
    n: int | None,
    rule_now: RuleNow | None = None,
    *,
    most_tags: int | None = None,
    sums: TagSums | None = None,
) -> Range:
    """Several hours summed: the first n rows, or all if n is None, and how far off a sum can be.

    `views`: ascending, one an hour, of one lens. Reads each once, so memory does not grow with the range. Fills `sums`,
    if given, with the tags' sums and names. Raises `UsageError` beyond `most_tags`.
    """
    sums = TagSums() if sums is None else sums
    hours: list[View] = []
    max_error = 0
    for view in views:
        sums.add(view.rows)
        check_tags(len(sums.counts), most_tags)
        max_error += view.cut_at
        hours.append(replace(view, rows=()))
    ranked = rank(sums.counts)
    rows = tuple(Row(tag, sums.shown(tag), count) for tag, count in ranked[:n])
    last = rows[-1].count if rows else 0
    held = {view.hour for view in hours}
    missing = (since.plus(step) for step in range(until.serial - since.serial))
    return Range(
        since=since,
        until=until,
        views=tuple(hours),
        rows=rows,
        tied_beyond=sum(count == last for _, count in ranked[len(rows) :]),
        missing=tuple(hour for hour in missing if hour not in held),
        max_error=max_error,
        tags=len(sums.counts) if max_error == 0 else None,
        rules=rules_of(hours, rule_now),
    )
