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
from math import erfc, log, sqrt

from config.errors import NoDataError
from ingest.hours import Hour
from serving.answers.bounds import check_tags
from serving.answers.merge import State, View, ranks_by_tag
from serving.answers.rule_versions import RuleNow, Rules, rules_of
from serving.views.documents import Origin, Row

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
    counts: dict[str, int] = {}
    beyond = uses = 0
    hours: list[View] = []
    last: dict[str, tuple[int, Row]] = {}
    for each in before:
        hours.append(replace(each, rows=()))
        uses += each.uses
        last = ranks_by_tag(each) if each.hour == view.hour.plus(-1) else last
        room = min(each.cut_at, each.uses - sum(row.count for row in each.rows))
        beyond += room
        for row in each.rows:
            counts[row.tag] = counts.get(row.tag, 0) + row.count - room
        check_tags(len(counts), most_tags)
    if not uses:
        raise NoDataError(f"no data for {since} to {view.hour}, so nothing to compare {view.hour} with")
    ranked = ranks_by_tag(view).values()
    risers = [
        Riser(row, rank, last[row.tag][0] if row.tag in last else None, had, expected, score)
        for row, rank, had in ((row, rank, counts.get(row.tag, 0) + beyond) for rank, row in ranked)
        if (expected := had * view.uses / uses) < row.count
        and (score := log_likelihood(row.count, had, view.uses, uses)) >= least
    ]
    risers.sort(key=lambda each: (-each.score, each.row.tag))
    hours_before = tuple(each.hour for each in hours)
    rules = rules_of([*hours, view], rule_now)
    return Rising(view.hour, since, view, hours_before, uses, least, tuple(risers[:n]), rules)


def log_likelihood(now: int, before: int, all_now: int, all_before: int) -> float:
    """G2 of a tag's uses among all uses, now and before. 0 where the shares are equal."""
    share = (now + before) / (all_now + all_before)
    cells = (
        (now, all_now * share),
        (before, all_before * share),
        (all_now - now, all_now * (1 - share)),
        (all_before - before, all_before * (1 - share)),
    )
    return max(0.0, 2 * sum(count * log(count / expected) for count, expected in cells if count))
