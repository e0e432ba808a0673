"""`trends top`: the most used hashtags of an hour or a range."""

import json
from dataclasses import dataclass
from typing import Any, Literal
from zoneinfo import ZoneInfo

import click

from ingest.hours import Hour
from serving.answers.merge import Range, View, competition_ranks
from serving.cli.consoles import console
from serving.cli.options import resolver_of
from serving.cli.output_files import in_csv, print_csv, reject_two_forms, time_in_csv, warn_of_mixture
from serving.cli.query_options import query_of, question_options
from serving.query import suggestions
from serving.query.query import Query
from serving.query.time_ranges import reject_combination
from serving.render.json_answers import hour_json, hours_json, range_json
from serving.render.json_shapes import HourAnswer, HoursAnswer, RangeAnswer
from serving.render.text import local_hour, table
from serving.views.documents import Kind

Form = Literal["json", "csv", "table"]


@click.command()
@click.option("--hour", metavar="HOUR", help="One hour: 2017-01-06T07, monday-7h, yesterday-18h, now-3h.")
@click.option("--since", metavar="TIME", help="Start of a range of hours.")
@click.option("--until", metavar="TIME", help="End of the range, exclusive.  [default: now]")
@click.option("--last", metavar="SPAN", help="The range from that long ago until now: 1h, 24h, 7d.")
@click.option("-n", "n", type=click.IntRange(1, 1000), default=10, show_default=True, help="Number of tags.")
@click.option("--origin", type=click.Choice(["batch", "speed"]), help="Query one layer only.")
@question_options
@click.pass_context
def top(
    ctx: click.Context,
    hour: str | None,
    since: str | None,
    until: str | None,
    last: str | None,
    n: int,
    origin: Literal["batch", "speed"] | None,
    kind: Kind,
    source: str | None,
    tz: ZoneInfo,
    as_json: bool,
    as_csv: bool,
) -> None:
    """Show the most used hashtags.

    Without options: the hour in progress and the last complete hour, side by side. Exactly one layer answers an hour:
    the batch layer if it has computed the hour, else the speed layer. Rows are sorted by uses, then by tag.

    Phrases (--kind) and hashtags of one source (--source) appear once the batch layer has computed an hour.

    \b
    Examples:
      trends top
      trends top --hour 2017-01-06T07 --json
      trends top --hour monday-7h --tz Europe/Paris
      trends top --last 24h -n 20 --csv
      trends top --since 2013-04-15T18 --until 2013-04-16T06
      trends top --last 24h --kind bigram
      trends top --hour now-1h --source bluesky
    """
    reject_two_forms(as_json, as_csv)
    times = resolver_of(tz)
    form: Form = "json" if as_json else "csv" if as_csv else "table"
    show = Show(query_of(ctx, suggestions.top, kind, source, origin), n, tz, form)
    if hour is not None:
        reject_combination(hour, since, until, last)
        show.hour(times.hour(hour))
    elif since is not None or until is not None or last is not None:
        show.range(*times.range(since, until, last))
    else:
        show.now(Hour.of(times.now))


@dataclass(frozen=True)
class Show:
    """Answers, as JSON, as CSV or as tables."""

    query: Query
    n: int
    tz: ZoneInfo
    form: Form

    def hour(self, hour: Hour) -> None:
        """One hour."""
        view = self.query.hour(hour, self.n)
        if self.form == "json":
            _print_json(hour_json(view))
        elif self.form == "csv":
            _print_csv(self.tz, view)
        else:
            _print_tables(self._table(view))

    def now(self, current: Hour) -> None:
        """The hour in progress and, beside it, the last complete one."""
        hours = [current, current.plus(-1)]
        views = self.query.now(current, self.n)
        if self.form == "json":
            _print_json(hours_json(views, self.query.rules(views)))
            return
        if self.form == "csv":
            _print_csv(self.tz, *views)
        else:
            _print_tables(*map(self._table, views))
        warn_of_mixture(self.query.rules(views))
        for hour in set(hours) - {view.hour for view in views}:
            click.echo(f"{local_hour(hour, self.tz)}: {self.query.nothing(hour)}", err=True)

    def range(self, since: Hour, until: Hour) -> None:
        """Several hours as one ranking."""
        answer = self.query.range(since, until, self.n)
        if self.form == "json":
            _print_json(range_json(answer))
            return
        if self.form == "csv":
            _print_csv(self.tz, answer)
            warn_of_mixture(answer.rules)
            return
        begin, end = since.start.astimezone(self.tz), until.start.astimezone(self.tz)
        _print_tables(table(answer, f"{begin:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M %Z}", console().width))

    def _table(self, view: View) -> Any:
        return table(view, local_hour(view.hour, self.tz), console().width)


def _print_csv(tz: ZoneInfo, *answers: View | Range) -> None:
    """A line a row, with the hours `[since, until)` that it is about."""
    header = ("since", "until", "origin", "state", "rank", "tag", "shown", "count", "rule")
    rows = (
        (
            *(time_in_csv(hour, tz) for hour in _hours(each)),
            each.origin,
            each.state,
            rank,
            *in_csv(row, each.lens),
            row.count,
            _rule(each),
        )
        for each in answers
        for rank, row in zip(competition_ranks(each.rows), each.rows, strict=True)
    )
    print_csv(header, rows)


def _rule(answer: View | Range) -> str | None:
    """The version of the rule; of several hours all of them, a blank between."""
    return answer.rules.label if isinstance(answer, Range) else answer.rule


def _hours(answer: View | Range) -> tuple[Hour, Hour]:
    if isinstance(answer, Range):
        return answer.since, answer.until
    return answer.hour, answer.hour.plus(1)


def _print_json(answer: HourAnswer | HoursAnswer | RangeAnswer) -> None:
    click.echo(json.dumps(answer, ensure_ascii=False))


def _print_tables(*tables: Any) -> None:
    from rich.columns import Columns

    console().print(Columns(tables, padding=(0, 4)))
