"""Surprise: an answer's rows by how much their share of all uses grew against the days before. Pure.

The score is G2, as in `rising`, with a sign: below 0 where the share fell. An everyday phrase has the share that it
always has, hence hardly a score, however often it is used; a topic of the day has a large one.

    order   score descending, then count descending, then phrase by code point: a total order

Phrases of one saying are one row. A row that rose takes the phrases along that overlap it in a chain, by all words but
one: first to the right, then to the left, of several the most surprising one. Such a phrase has at least three uses,
half to twice the uses of the row, at least half its score, and a word that the saying lacks. "8 year" takes "year old"
and "old girl": "8 year old girl". So a text that many repeat, or the template of a robot, is one row, not one for each
pair of its words.

Where the days before have no use, nothing can surprise: the rows stay by count, and the answer says so.
"""

from collections.abc import Iterator
from dataclasses import replace

from ingest.hours import Hour
from serving.answers.merge import Answer, Range, View, truncate
from serving.answers.rising import Baseline
from serving.answers.rule_versions import RuleNow, rules_of
from serving.answers.scores import Score, Surprise
from serving.views.documents import Row
from serving.views.likelihood import log_likelihood

DAYS_BEFORE = 72
"""Hours to compare with: three days, so that the rhythm of a day is in them. It bounds what an answer reads."""
FORMULA = (
    "G2, the log-likelihood ratio of Dunning (1993), of the phrase's share now and in the days before; < 0: it fell"
)
_BLANK = " "
_NEAR = 2
"""Uses and scores of phrases of one saying differ by this factor at most."""
_LEAST = 3
"""Of fewer uses, an overlap is no saying but chance."""

_Scored = tuple[Row, Score]


def by_surprise(answer: Answer, before: Baseline, first: Hour, n: int, rule_now: RuleNow | None = None) -> Answer:
    """The n most surprising rows of an answer against the days before `first`. The answer has all rows."""
    hours: tuple[View, ...] = answer.views if isinstance(answer, Range) else (answer,)
    surprise = Surprise(
        first.plus(-DAYS_BEFORE),
        first,
        len(before.hours),
        before.uses,
        rules=rules_of([*before.hours, *hours], rule_now),
    )
    if not before.uses:
        return replace(truncate(answer, n), surprise=surprise)
    sayings = _Sayings(_scored(answer, before), n)
    tied = sayings.left.count(sayings.scores[-1].score) if sayings.scores else 0
    found = replace(surprise, scores=tuple(sayings.scores))
    return replace(answer, rows=tuple(sayings.rows), tied_beyond=tied, surprise=found)


def _scored(answer: View | Range, before: Baseline) -> list[_Scored]:
    """All rows with their scores, the most surprising first."""
    uses = answer.uses
    found = []
    for row in answer.rows:
        had = before.at_most(row.tag)
        expected = had * uses / before.uses
        score = log_likelihood(row.count, had, uses, before.uses)
        found.append((row, Score(score if row.count >= expected else -score, had, expected)))
    return sorted(found, key=lambda each: (-each[1].score, -each[0].count, each[0].tag))


class _Sayings:
    """The first n rows of a ranking, each with the phrases of its saying, and the scores of all others."""

    def __init__(self, ranked: list[_Scored], n: int) -> None:
        self.rows: list[Row] = []
        self.scores: list[Score] = []
        self.left: list[float] = []
        self._used: set[str] = set()
        self._by_begin: dict[str, list[_Scored]] = {}
        self._by_end: dict[str, list[_Scored]] = {}
        for each in ranked:
            if _BLANK in each[0].tag and each[0].count >= _LEAST and each[1].score > 0:
                self._by_begin.setdefault(each[0].tag.rpartition(_BLANK)[0], []).append(each)
                self._by_end.setdefault(each[0].tag.partition(_BLANK)[2], []).append(each)
        for row, score in ranked:
            if row.tag in self._used:
                continue
            if len(self.rows) < n:
                self._used.add(row.tag)
                self.rows.append(row)
                self.scores.append(self._with_saying(row, score))
            else:
                self.left.append(score.score)

    def _with_saying(self, row: Row, score: Score) -> Score:
        if _BLANK not in row.tag or score.score <= 0 or row.count < _LEAST:
            return replace(score, saying=row.shown)
        words = set(row.tag.split(_BLANK))
        right = list(self._chain((row, score), words, forward=True))
        left = list(self._chain((row, score), words, forward=False))[::-1]
        begin = [each.shown.partition(_BLANK)[0] for each in left]
        end = [each.shown.rpartition(_BLANK)[2] for each in right]
        return replace(score, saying=_BLANK.join([*begin, row.shown, *end]), others=(*left, *right))

    def _chain(self, head: _Scored, words: set[str], *, forward: bool) -> Iterator[Row]:
        """The phrases that follow a row one after the other, or go before it. Adds the word of each to `words`."""
        last = head[0].tag
        while True:
            overlap = last.partition(_BLANK)[2] if forward else last.rpartition(_BLANK)[0]
            for each in (self._by_begin if forward else self._by_end).get(overlap, ()):
                if each[1].score * _NEAR < head[1].score:  # and so all that follow
                    return
                word = each[0].tag.rpartition(_BLANK)[2] if forward else each[0].tag.partition(_BLANK)[0]
                if word not in words and each[0].tag not in self._used and _is_near(each, head):
                    break
            else:
                return
            last = each[0].tag
            self._used.add(last)
            words.add(word)
            yield each[0]


def _is_near(each: _Scored, head: _Scored) -> bool:
    """Whether a phrase has about the uses of a row."""
    count, of_head = each[0].count, head[0].count
    return count <= of_head * _NEAR and of_head <= count * _NEAR
