"""Rising: the tags whose share of all uses grew most against the hours before, by how surprising their growth is. Pure.

The score is Dunning's log-likelihood ratio, G2, of the table (this tag, other tags) x (this hour, the hours before):

    G2 = 2 * sum(k * ln(k / e))     k: the four counts; e: what they would be if the tag's share were the same in both

Ted Dunning, "Accurate Methods for the Statistics of Surprise and Coincidence", Computational Linguistics 19 (1), 1993.
It compares shares, so a busy hour raises no tag by itself and an hour in progress can be asked; and it stays sound for
rare tags, for which a ratio or a z-score goes wild. Under no change it is distributed as chi-squared with one degree
of freedom: 10.83 comes by chance once in 1,000 tags.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from math import erfc, sqrt

from config.errors import NoDataError
from ingest.hours import Hour
from serving.answers.bounds import check_tags
from serving.answers.merge import State, View, competition_ranks, ranks_by_tag
from serving.answers.rule_versions import RuleNow, Rules, rules_of
from serving.answers.spelling import TagSums
from serving.views.documents import Origin, Row
from serving.views.likelihood import log_likelihood

SURE = 10.83
"""The score that comes by chance once in 1,000 tags."""
FORMULA = "G2, the log-likelihood ratio of Dunning (1993), of the tag's share in the hour and in the hours before"


@dataclass(frozen=True, slots=True)
class Riser:
    """A tag whose share grew."""

    row: Row
    rank: int
    """In the hour, by uses."""
    was: int | None
    """Its rank in the hour before that; None where it has none."""
    before: int
    """Its uses in the hours before: where an hour keeps only its first tags, the most that they can be."""
    expected: float
    """The uses it would have in the hour, had its share stayed as it was."""
    score: float

    @property
    def chance(self) -> float:
        """How likely a score as large is without any change."""
        return erfc(sqrt(self.score / 2))


@dataclass(frozen=True)
class Rising:
    """Tags that rose in an hour, against the hours `[since, hour)` before it."""

    hour: Hour
    since: Hour
    view: View
    hours_before: tuple[Hour, ...]
    """Those with data."""
    uses_before: int
    least: float
    """Minimum score."""
    risers: tuple[Riser, ...]
    """By score descending, then by tag."""
    rules: Rules = field(default_factory=Rules)
    """The versions of the rule behind the hour and those before it."""

    @property
    def origin(self) -> Origin:
        """The layer that answers the hour."""
        return self.view.origin

    @property
    def state(self) -> State:
        """The hour's state."""
        return self.view.state


def rising(  # noqa: PLR0913 - what is compared with what, and how much of it is told
    view: View,
    before: Iterable[View],
    since: Hour,
    n: int,
    least: float = SURE,
    *,
    rule_now: RuleNow | None = None,
    most_tags: int | None = None,
) -> Rising:
    """The first n tags with at least that score of a view, against `before`: the views of `[since, view.hour)`.

    All views have all their rows. Reads each view before once. Raises `UsageError` beyond `most_tags`, and
    `NoDataError` where no hour before has a use.
    """
    baseline = Baseline(most_tags)
    for each in before:
        baseline.add(each)
    if not baseline.uses:
        raise NoDataError(f"no data for {since} to {view.hour}, so nothing to compare {view.hour} with")
    found = risers(view, baseline, least)[:n]
    baseline.sums.add(view.rows)
    found = [replace(each, row=baseline.sums.named(each.row)) for each in found]
    hours_before = tuple(each.hour for each in baseline.hours)
    rules = rules_of([*baseline.hours, view], rule_now)
    return Rising(view.hour, since, view, hours_before, baseline.uses, least, tuple(found), rules)


class Baseline:
    """The hours that one compares with: their uses, and those of each tag at most."""

    def __init__(self, most_tags: int | None = None) -> None:
        self.hours: list[View] = []
        """Without rows."""
        self.uses = 0
        self.sums = TagSums()
        self._most_tags = most_tags
        self._beyond = 0
        """The most uses that a tag can have in the hours that keep only their first ones."""
        self._rooms: dict[str, int] = {}
        """For a tag that such an hour keeps: the part of `_beyond` that it does not have there."""
        self._last: dict[str, tuple[int, Row]] = {}

    def add(self, view: View) -> None:
        """Add one hour, later than those before. Raises `UsageError` beyond the most tags."""
        self.hours.append(replace(view, rows=()))
        self.uses += view.uses
        self.sums.add(view.rows)
        check_tags(len(self.sums.counts), self._most_tags)
        if room := min(view.cut_at, view.uses - sum(row.count for row in view.rows)):
            self._beyond += room
            for row in view.rows:
                self._rooms[row.tag] = self._rooms.get(row.tag, 0) + room
        self._last = ranks_by_tag(view)

    def at_most(self, tag: str) -> int:
        """The most uses that a tag can have in these hours."""
        return self.sums.counts.get(tag, 0) + self._beyond - self._rooms.get(tag, 0)

    def rank_before(self, tag: str, hour: Hour) -> int | None:
        """The rank of a tag in the hour before `hour`, if the last of these is that one."""
        is_last = bool(self.hours) and self.hours[-1].hour == hour.plus(-1)
        return self._last[tag][0] if is_last and tag in self._last else None


def risers(view: View, baseline: Baseline, least: float = SURE) -> list[Riser]:
    """The tags of a view with at least that score, as that view spells them: by score descending, then by tag."""
    found = [
        Riser(row, rank, baseline.rank_before(row.tag, view.hour), had, expected, score)
        for row, rank in zip(view.rows, competition_ranks(view.rows), strict=True)
        if (expected := (had := baseline.at_most(row.tag)) * view.uses / baseline.uses) < row.count
        and (score := log_likelihood(row.count, had, view.uses, baseline.uses)) >= least
    ]
    return sorted(found, key=lambda each: (-each.score, each.row.tag))
