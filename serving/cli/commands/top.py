"""`trends top`: the most used hashtags of an hour or a range."""

import json
from typing import Literal, get_args
from zoneinfo import ZoneInfo

import click

from serving.answers.merge import Range, View
from serving.answers.scores import By
from serving.cli.consoles import console
from serving.cli.output_files import print_csv, reject_two_forms, warn_of_mixture
from serving.cli.query_options import question_options, questions_of
from serving.query import suggestions
from serving.query.questions import Questions
from serving.render.json_answers import top_json
from serving.render.rows import top_rows
from serving.render.text import local_hour, table
from serving.views.documents import Kind


@click.command()
@click.option("--hour", metavar="HOUR", help="One hour: 2017-01-06T07, monday-7h, yesterday-18h, now-3h.")
@click.option("--since", metavar="TIME", help="Start of a range of hours.")
@click.option("--until", metavar="TIME", help="End of the range, exclusive.  [default: now]")
@click.option("--last", metavar="SPAN", help="The range from that long ago until now: 1h, 24h, 7d.")
@click.option("-n", "n", type=click.IntRange(1, 1000), default=10, show_default=True, help="Number of tags.")
@click.option("--origin", type=click.Choice(["batch", "speed"]), help="Query one layer only.")
@click.option(
    "--by", type=click.Choice(get_args(By)), help="Order of rows.  [default: surprise for phrases, count for hashtags]"
)
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
    by: By | None,
    kind: Kind,
    source: str | None,
    tz: ZoneInfo,
    as_json: bool,
    as_csv: bool,
) -> None:
    """Show the most used hashtags.

    Without options: the hour in progress and the last complete hour, side by side. Exactly one layer answers an hour:
    the batch layer if it has computed the hour, else the speed layer. Rows are sorted by uses, then by tag.

    Phrases (--kind) and hashtags of one source (--source) appear once the batch layer has computed an hour. Phrases are
    sorted by surprise: G2 (Dunning 1993) of their share of all uses against the three days before, counts beside it.

    \b
    Examples:
      trends top
      trends top --hour 2017-01-06T07 --json
      trends top --hour monday-7h --tz Europe/Paris
      trends top --last 24h -n 20 --csv
      trends top --since 2013-04-15T18 --until 2013-04-16T06
      trends top --last 24h --kind bigram
      trends top --last 24h --kind bigram --by count
      trends top --hour now-1h --source bluesky
    """
    reject_two_forms(as_json, as_csv)
    questions = questions_of(ctx, suggestions.top, tz, kind, source, origin, by)
    answer = questions.top(n, hour, since, until, last)
    answers = answer if isinstance(answer, tuple) else (answer,)
    rules = (
        answer.rules
        if isinstance(answer, Range)
        else questions.query.rules(answer if isinstance(answer, tuple) else ())
    )
    if as_json:
        click.echo(json.dumps(top_json(answer, rules), ensure_ascii=False))
        return
    if as_csv:
        print_csv(top_rows(*answers), tz)
    else:
        _print_tables(answers, tz)
    if as_csv or isinstance(answer, tuple):
        warn_of_mixture(rules)
    if isinstance(answer, tuple):
        _report_missing(questions, answer, tz)


def _print_tables(answers: tuple[View | Range, ...], tz: ZoneInfo) -> None:
    from rich.columns import Columns

    width = console().width
    console().print(Columns([table(each, _title(each, tz), width) for each in answers], padding=(0, 4)))


def _title(answer: View | Range, tz: ZoneInfo) -> str:
    if isinstance(answer, View):
        return local_hour(answer.hour, tz)
    begin, end = answer.since.start.astimezone(tz), answer.until.start.astimezone(tz)
    return f"{begin:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M %Z}"


def _report_missing(questions: Questions, views: tuple[View, ...], tz: ZoneInfo) -> None:
    """Say why the hour in progress, or the one before, is not among the views."""
    for hour in {questions.current, questions.current.plus(-1)} - {view.hour for view in views}:
        click.echo(f"{local_hour(hour, tz)}: {questions.query.nothing(hour)}", err=True)
