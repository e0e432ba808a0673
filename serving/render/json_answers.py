"""JSON answers: the output of `--json` and the API, in the shapes of `json_shapes`."""

from collections.abc import Sequence

from ingest.hours import Hour, Millis, iso
from serving.answers.comparison import Comparison
from serving.answers.day import Cell, Day, HourLine, Series
from serving.answers.history import History, Point
from serving.answers.merge import Range, View, places
from serving.answers.rising import FORMULA, Riser, Rising
from serving.answers.rule_versions import Rules
from serving.answers.scores import Score
from serving.answers.surprise import FORMULA as SURPRISE
from serving.render.json_shapes import (
    ComparedTag,
    ComparisonAnswer,
    DayAnswer,
    HistoryAnswer,
    HourAnswer,
    HourOfTag,
    HoursAnswer,
    MissingHour,
    MovedHour,
    MovedTag,
    Order,
    RangeAnswer,
    RankedTag,
    RisingAnswer,
    RisingTag,
    SeriesOfDay,
    SurprisingPhrase,
)


def hour_json(view: View) -> HourAnswer:
    """One hour."""
    return {
        "hour": str(view.hour),
        "kind": view.lens.kind,
        "source": view.lens.source,
        "origin": view.origin,
        "state": view.state,
        "top": _top(view),
        "tied_beyond": view.tied_beyond,
        "uses": view.uses,
        "tags": view.tags,
        "posts": view.posts,
        "rule": view.rule,
        "computed_at": _iso(view.computed_at),
        **_order(view),
    }


def top_json(answer: View | Range | Sequence[View], rules: Rules) -> HoursAnswer | HourAnswer | RangeAnswer:
    """The most used tags of an hour, of a range, or of several hours side by side, with the rules of those."""
    if isinstance(answer, View):
        return hour_json(answer)
    return range_json(answer) if isinstance(answer, Range) else hours_json(answer, rules)


def hours_json(views: Sequence[View], rules: Rules) -> HoursAnswer:
    """Hours side by side."""
    return {"hours": [hour_json(view) for view in views], "rules": dict(rules.hours), "mend": rules.mend}


def range_json(answer: Range) -> RangeAnswer:
    """Several hours as one ranking."""
    return {
        "since": str(answer.since),
        "until": str(answer.until),
        "kind": answer.lens.kind,
        "source": answer.lens.source,
        "origin": answer.origin,
        "state": answer.state,
        "top": _top(answer),
        "tied_beyond": answer.tied_beyond,
        "uses": answer.uses,
        "tags": answer.tags,
        "posts": answer.posts,
        "rule": answer.rule,
        "computed_at": _iso(answer.computed_at),
        "hours": [
            {"hour": str(view.hour), "origin": view.origin, "state": view.state, "rule": view.rule}
            for view in answer.views
        ],
        "missing": [str(hour) for hour in answer.missing],
        "max_error": answer.max_error,
        "rules": dict(answer.rules.hours),
        "mend": answer.rules.mend,
        **_order(answer),
    }


def day_json(day: Day) -> DayAnswer:
    """Each hour by itself, and the tags of all hours as series."""
    whole = day.whole
    return {
        "since": str(whole.since),
        "until": str(whole.until),
        "hours": [_line(line) for line in day.lines],
        "series": [_series(each) for each in day.series],
        "missing": [str(hour) for hour in whole.missing],
        "rules": dict(day.rules.hours),
        "mend": day.rules.mend,
        "uses": whole.uses,
        "max_error": whole.max_error,
    }


def missing_json(hour: Hour) -> MissingHour:
    """An hour without data."""
    return {"hour": str(hour), "origin": None, "state": "missing", "top": []}


def rising_json(answer: Rising) -> RisingAnswer:
    """The tags whose share grew."""
    view = answer.view
    return {
        "hour": str(view.hour),
        "kind": view.lens.kind,
        "source": view.lens.source,
        "origin": view.origin,
        "state": view.state,
        "uses": view.uses,
        "since": str(answer.since),
        "hours_before": [str(each) for each in answer.hours_before],
        "uses_before": answer.uses_before,
        "rules": dict(answer.rules.hours),
        "mend": answer.rules.mend,
        "formula": FORMULA,
        "least": answer.least,
        "rising": [_riser(each) for each in answer.risers],
    }


def history_json(answer: History) -> HistoryAnswer:
    """One tag hour by hour."""
    best = answer.best
    return {
        "tag": answer.tag,
        "kind": answer.lens.kind,
        "source": answer.lens.source,
        "since": str(answer.since),
        "until": str(answer.until),
        "hours": [_point(point) for point in answer.points],
        "spellings": [{"shown": shown, "count": count} for shown, count in answer.spellings],
        "uses": answer.uses,
        "max_error": answer.max_error,
        "best": _point(best) if best else None,
        "missing": [str(hour) for hour in answer.missing],
        "rules": dict(answer.rules.hours),
        "mend": answer.rules.mend,
    }


def comparison_json(answer: Comparison) -> ComparisonAnswer:
    """Several tags hour by hour."""
    return {
        "since": str(answer.since),
        "until": str(answer.until),
        "kind": answer.lens.kind,
        "source": answer.lens.source,
        "tags": [_compared(each) for each in answer.histories],
        "missing": [str(hour) for hour in answer.missing],
        "rules": dict(answer.rules.hours),
        "mend": answer.rules.mend,
    }


def tag_json(answer: History | Comparison) -> HistoryAnswer | ComparisonAnswer:
    """One tag hour by hour, or several."""
    return history_json(answer) if isinstance(answer, History) else comparison_json(answer)


def _compared(answer: History) -> ComparedTag:
    one = history_json(answer)
    return {
        "tag": one["tag"],
        "hours": one["hours"],
        "spellings": one["spellings"],
        "uses": one["uses"],
        "max_error": one["max_error"],
        "best": one["best"],
    }


def _top(answer: View | Range) -> list[SurprisingPhrase | RankedTag]:
    ranked: list[RankedTag] = [
        {"rank": rank, "tag": row.tag, "shown": row.shown, "count": row.count}
        for rank, row in zip(places(answer), answer.rows, strict=True)
    ]
    if answer.surprise is None or not answer.surprise.is_known:
        return [*ranked]
    return [_surprising(row, score) for row, score in zip(ranked, answer.surprise.scores, strict=True)]


def _surprising(row: RankedTag, score: Score) -> SurprisingPhrase:
    return {
        **row,
        "score": round(score.score, 3),
        "before": score.before,
        "expected": round(score.expected, 3),
        "saying": score.saying,
        "others": [{"tag": each.tag, "shown": each.shown, "count": each.count} for each in score.others],
    }


def _order(answer: View | Range) -> Order:
    """What orders the rows, where somebody asked for surprise."""
    surprise = answer.surprise
    if surprise is None:
        return {}
    days = f"{surprise.since} to {surprise.until}"
    return {
        "by": "surprise" if surprise.is_known else "count",
        "surprise": {
            "since": str(surprise.since),
            "until": str(surprise.until),
            "hours_before": surprise.hours_before,
            "uses_before": surprise.uses_before,
            "formula": SURPRISE,
            "fallback": None if surprise.is_known else f"no data in {days}",
            "rules": dict(surprise.rules.hours),
            "mend": surprise.rules.mend,
        },
    }


def _line(line: HourLine) -> MovedHour | MissingHour:
    if line.view is None:
        return missing_json(line.hour)
    hour = hour_json(line.view)
    moved = [_cell(row, cell) for row, cell in zip(hour["top"], line.cells, strict=True)]
    return {**hour, "top": moved}


def _cell(row: RankedTag, cell: Cell) -> MovedTag:
    return {**row, "was": cell.was, "move": cell.move}


def _series(series: Series) -> SeriesOfDay:
    return {
        "tag": series.row.tag,
        "shown": series.row.shown,
        "count": series.row.count,
        "counts": list(series.counts),
        "ranks": list(series.ranks),
    }


def _riser(riser: Riser) -> RisingTag:
    return {
        "tag": riser.row.tag,
        "shown": riser.row.shown,
        "count": riser.row.count,
        "rank": riser.rank,
        "was": riser.was,
        "before": riser.before,
        "expected": round(riser.expected, 3),
        "score": round(riser.score, 3),
        "chance": riser.chance,
    }


def _point(point: Point) -> HourOfTag:
    return {
        "hour": str(point.hour),
        "count": point.count,
        "rank": point.rank,
        "at_most": point.at_most,
        "uses": point.uses,
        "origin": point.origin,
        "state": point.state or "missing",
        "rule": point.rule,
    }


def _iso(moment: Millis | None) -> str | None:
    return None if moment is None else iso(moment)
