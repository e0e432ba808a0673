"""`trends rising`: the hashtags that grew most."""

import json
from zoneinfo import ZoneInfo

import click

from serving.answers.rising import SURE, Rising
from serving.cli.consoles import console
from serving.cli.output_files import print_csv, reject_two_forms, warn_of_mixture
from serving.cli.query_options import question_options, questions_of
from serving.query import suggestions
from serving.render.json_answers import rising_json
from serving.render.rows import rising_rows
from serving.views.documents import Kind


@click.command()
@click.option("--hour", metavar="HOUR", help="2017-01-06T07, monday-7h, now-3h.  [default: the last hour with data]")
@click.option("--against", metavar="SPAN", default="24h", show_default=True, help="Span to compare with.")
@click.option("-n", "n", type=click.IntRange(1, 1000), default=10, show_default=True, help="Number of tags.")
@click.option("--least", type=click.FloatRange(0), default=SURE, show_default=True, help="Minimum score.")
@question_options
@click.pass_context
def rising(
    ctx: click.Context,
    hour: str | None,
    against: str,
    n: int,
    least: float,
    kind: Kind,
    source: str | None,
    tz: ZoneInfo,
    as_json: bool,
    as_csv: bool,
) -> None:
    """Show the hashtags that grew most against the hours before.

    The score is the log-likelihood ratio (Dunning 1993) of a tag's share of all uses, now and before: a busy hour
    raises no tag by itself, and a rare tag none by accident. Scores from 10.83 occur by chance once in 1,000 tags.

    \b
    Examples:
      trends rising
      trends rising --hour monday-7h --against 7d
      trends rising --least 0 -n 50 --csv
    """
    reject_two_forms(as_json, as_csv)
    answer = questions_of(ctx, suggestions.rising, tz, kind, source).rising(n, hour, against, least)
    if as_json:
        click.echo(json.dumps(rising_json(answer), ensure_ascii=False))
    elif as_csv:
        print_csv(rising_rows(answer), tz)
        warn_of_mixture(answer.rules)
    else:
        _show(answer, tz)


def _show(answer: Rising, tz: ZoneInfo) -> None:
    from serving.render.tables import rising_table

    console().print(rising_table(answer, tz))
    if not answer.risers:
        click.echo(f"No tag has a score of {answer.least:g} or more: --least 0 shows all tags that grew", err=True)
