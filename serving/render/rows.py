"""Rows: answers as flat tables, the one source of CSV, JSON lines, Parquet, Arrow and pandas. Pure.

Each function gives the columns of one answer. `row_text` writes them as text, `row_tables` as typed tables.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, NamedTuple

from ingest.hours import Hour
from serving.answers.comparison import Comparison
from serving.answers.day import Day
from serving.answers.history import History
from serving.answers.merge import Range, View, competition_ranks, places
from serving.answers.now.tag_trend import HourTrend, TagTrend
from serving.answers.rising import Rising
from serving.views.documents import HASHTAGS, Lens

Cell = Hour | str | int | float | None
"""An hour stands for its first moment."""
Type = Literal["time", "tag", "text", "int", "float"]


class Column(NamedTuple):
    """A column of a table."""

    name: str
    type: Type


class Rows(NamedTuple):
    """A table: its columns, and rows in their order. `values` of an export is a stream, which one reads once."""

    columns: tuple[Column, ...]
    values: Iterable[Sequence[Cell]]
    lens: Lens = HASHTAGS
    """What a column of type `tag` holds."""


_TIMES = ("since", "until", "hour")
_NUMBERS = ("rank", "count", "was", "at_most", "uses", "before", "projection", "weeks")
_FRACTIONS = ("score", "expected", "share", "mean", "ratio")
_SCORES = ("score", "before", "expected")


def top_rows(*answers: View | Range) -> Rows:
    """A row for each ranked tag, with the hours `[since, until)` that it is about, and with scores if it has some."""
    names = ("since", "until", "origin", "state", "rank", "tag", "shown", "count", "rule")
    has_scores = any(of.surprise for of in answers)
    return Rows(
        _columns(*names, *(_SCORES if has_scores else ())),
        [
            (*_hours(of), of.origin, of.state, rank, row.tag, row.shown, row.count, _rule(of), *more)
            for of in answers
            for rank, row, more in zip(places(of), of.rows, _scores(of, has_scores), strict=True)
        ],
        answers[0].lens if answers else HASHTAGS,
    )


def day_rows(answer: Day) -> Rows:
    """A row for each ranked tag of each hour, with its move against the hour before."""
    return Rows(
        _columns("hour", "origin", "state", "rank", "tag", "shown", "count", "was", "move", "rule"),
        [
            (of.hour, of.origin, of.state, at.rank, at.row.tag, at.row.shown, at.row.count, at.was, at.move, of.rule)
            for line in answer.lines
            if (of := line.view)
            for at in line.cells
        ],
        answer.whole.lens,
    )


def now_rows(trends: Iterable[HourTrend]) -> Rows:
    """A row for each tag of the current hours: `part` is `top` for the first ones and `rising` for the rising ones."""
    held = list(trends)
    numbers = ("share", "projection", "weeks", "mean", "ratio", "expected", "score")
    return Rows(
        _columns(
            "hour", "part", "rank", "tag", "shown", "count", "was", "move", *numbers, "origin", "state", "rule"
        ),
        [
            (of.hour, part, t.rank, t.row.tag, t.row.shown, t.row.count, t.was, t.move, *_judged(t), of.origin,
             of.state, of.rule)
            for trend in held
            for of in (trend.view,)
            for part, tags in (("top", trend.top), ("rising", trend.rising))
            for t in tags
        ],
        held[0].view.lens if held else HASHTAGS,
    )  # fmt: skip


def _judged(tag: TagTrend) -> tuple[Cell, ...]:
    week = (tag.week.weeks, tag.week.mean, tag.week.ratio) if tag.week else (None,) * 3
    return (
        tag.share, tag.projection, *week,
        tag.riser.expected if tag.riser else None, tag.riser.score if tag.riser else None,
    )  # fmt: skip


def rising_rows(answer: Rising) -> Rows:
    """A row for each tag that rose."""
    return Rows(
        _columns("hour", "score", "tag", "shown", "count", "expected", "rank", "was", "rule"),
        [
            (answer.hour, r.score, r.row.tag, r.row.shown, r.row.count, r.expected, r.rank, r.was, answer.rules.label)
            for r in answer.risers
        ],
        answer.view.lens,
    )


def history_rows(answer: History) -> Rows:
    """A row for each hour, those without data too."""
    return Rows(
        _columns("hour", "count", "rank", "at_most", "uses", "origin", "state", "rule"),
        [
            (p.hour, p.count, p.rank, p.at_most, p.uses, p.origin, p.state or "missing", p.rule)
            for p in answer.points
        ],
        answer.lens,
    )  # fmt: skip


def comparison_rows(answer: Comparison) -> Rows:
    """A row for each hour of each tag, in the order of the tags."""
    whole = [(each.tag, history_rows(each)) for each in answer.histories]
    return Rows(
        (*_columns("tag"), *whole[0][1].columns),
        [(tag, *row) for tag, rows in whole for row in rows.values],
        answer.lens,
    )


def tag_rows(answer: History | Comparison) -> Rows:
    """The rows of one tag, or of several."""
    return history_rows(answer) if isinstance(answer, History) else comparison_rows(answer)


def hour_rows(views: Iterable[View], lens: Lens) -> Rows:
    """A row for each ranked tag of each hour: the rows of an export, read as they are needed."""
    return Rows(_columns("hour", "rank", "tag", "shown", "count", "origin", "state", "rule"), _each(views), lens)


def _each(views: Iterable[View]) -> Iterator[Sequence[Cell]]:
    for of in views:
        for rank, row in zip(competition_ranks(of.rows), of.rows, strict=True):
            yield of.hour, rank, row.tag, row.shown, row.count, of.origin, of.state, of.rule


def _columns(*names: str) -> tuple[Column, ...]:
    return tuple(Column(name, _type(name)) for name in names)


def _type(name: str) -> Type:
    if name in _TIMES:
        return "time"
    if name in _NUMBERS:
        return "int"
    return "tag" if name in ("tag", "shown") else "float" if name in _FRACTIONS else "text"


def _scores(answer: View | Range, has_scores: bool) -> list[tuple[float | None, ...]]:
    """The scores of each row; of rows by count nothing."""
    if not has_scores:
        return [()] * len(answer.rows)
    if answer.surprise and answer.surprise.is_known:
        return [(each.score, each.before, each.expected) for each in answer.surprise.scores]
    return [(None, None, None)] * len(answer.rows)


def _rule(answer: View | Range) -> str | None:
    """The version of the rule; of several hours all of them, a blank between."""
    return answer.rules.label if isinstance(answer, Range) else answer.rule


def _hours(answer: View | Range) -> tuple[Hour, Hour]:
    if isinstance(answer, Range):
        return answer.since, answer.until
    return answer.hour, answer.hour.plus(1)
