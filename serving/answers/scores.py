"""Scores: how surprising the rows of an answer are, and what they compare with. `surprise` computes them."""

from dataclasses import dataclass, field
from typing import Literal

from ingest.hours import Hour
from serving.answers.rule_versions import Rules
from serving.views.documents import Row

By = Literal["surprise", "count"]
"""What orders the rows of an answer."""


@dataclass(frozen=True, slots=True)
class Score:
    """How surprising a row is."""

    score: float
    """G2; below 0 where the share of all uses fell."""
    before: int
    """Its uses in the days before: where an hour keeps only its first rows, the most that they can be."""
    expected: float
    """The uses it would have, had its share stayed as it was."""
    saying: str = ""
    """The phrase with those that overlap it in a chain, as spelled: `8 year old girl`."""
    others: tuple[Row, ...] = ()
    """Those, in the order of the words; they have no row of their own."""


@dataclass(frozen=True)
class Surprise:
    """The scores of an answer's rows, and what they compare with."""

    since: Hour
    until: Hour
    """The days before are `[since, until)`."""
    hours_before: int
    """Those with data."""
    uses_before: int
    scores: tuple[Score, ...] = ()
    """One for each row of the answer; none where the days before have no use: then the rows are by count."""
    rules: Rules = field(default_factory=Rules)
    """The versions of the rule behind the answer and the days before."""

    @property
    def is_known(self) -> bool:
        """Whether the rows are by surprise."""
        return self.uses_before > 0
