"""`trends now`: the first tags of the current hours and the rising ones, with what it takes to judge each number."""

import json
from zoneinfo import ZoneInfo

import click

from config.settings import Settings
from serving.cli.consoles import console
from serving.cli.options import settings_of
from serving.cli.output_files import print_csv, reject_two_forms, warn_of_mixture
from serving.cli.query_options import question_options, questions_of
from serving.query import suggestions
from serving.render.now.now_json import now_json
from serving.render.rows import now_rows
from serving.views.documents import Kind


@click.command()
@click.option("-n", "n", type=click.IntRange(1, 100), default=10, show_default=True, help="Number of tags.")
@question_options
@click.pass_context
def now(ctx: click.Context, n: int, kind: Kind, source: str | None, tz: ZoneInfo, as_json: bool, as_csv: bool) -> None:
    """Show what is trending: the hour in progress and the one before, their first hashtags and their rising ones.

    Each has its move against the hour before, its share of all uses, its uses in 24 hours, and its uses by the mean of
    the same hour of the week, one to four weeks before. In the hour in progress ≈ marks a projection for the whole
    hour; there is none in the first 10 minutes, nor while the speed layer lags. `trends top` has the counts alone, and
    is quicker.

    \b
    Examples:
      trends now
      trends now -n 5 --tz Europe/Paris
      trends now --kind bigram --json
    """
    reject_two_forms(as_json, as_csv)
    questions = questions_of(ctx, suggestions.top, tz, kind, source)
    trends = questions.now(n, lambda: _behind(settings_of(ctx)))
    rules = questions.query.rules([trend.view for trend in trends])
    if as_json:
        click.echo(json.dumps(now_json(trends, rules), ensure_ascii=False))
        return
    if as_csv:
        print_csv(now_rows(trends), tz)
    else:
        from serving.render.now.now_table import now_tables

        console().print(now_tables(trends, tz))
    warn_of_mixture(rules)


def _behind(settings: Settings) -> int | None:
    """Uses that the speed layer has not counted yet; None while Kafka does not answer."""
    from serving.status.collect import or_error, speed_behind

    behind = or_error(speed_behind, settings)
    return behind if isinstance(behind, int) else None
