"""`trends tag`: one hashtag's history."""

import json
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from config.errors import UsageError
from ingest.rule.hashtags import typed
from serving.answers.comparison import Comparison, distinct_tags
from serving.answers.day import MOST_SIDE_BY_SIDE
from serving.answers.history import History
from serving.cli.consoles import console
from serving.cli.output_files import (
    png_option,
    print_csv,
    reject_two_forms,
    svg_option,
    warn_of_mixture,
    write_picture,
)
from serving.cli.query_options import question_options, questions_of
from serving.query import suggestions
from serving.query.questions import Questions
from serving.render.json_answers import tag_json
from serving.render.rows import tag_rows
from serving.views.documents import Kind


@click.command()
@click.argument("tags", metavar="TAG...", nargs=-1, required=True)
@click.option("--since", metavar="TIME", help="Start of a range of hours.")
@click.option("--until", metavar="TIME", help="End of the range, exclusive.  [default: now]")
@click.option("--last", metavar="SPAN", help="The range from that long ago until now.  [default: 7d]")
@question_options
@png_option
@svg_option
@click.pass_context
def tag(
    ctx: click.Context,
    tags: tuple[str, ...],
    since: str | None,
    until: str | None,
    last: str | None,
    kind: Kind,
    source: str | None,
    tz: ZoneInfo,
    as_json: bool,
    as_csv: bool,
    png: Path | None,
    svg: Path | None,
) -> None:
    """Show how often a hashtag was used hour by hour, and its spellings.

    TAG may have a # and any spelling: all spellings of a tag count as one. Two to five tags are compared.

    \b
    Examples:
      trends tag music
      trends tag PrayForBoston --since 2013-04-15 --until 2013-04-18
      trends tag music --last 48h --csv
      trends tag "happy new year" --kind trigram
      trends tag music --last 48h --png music.png
      trends tag music news paris --last 48h --png compared.png
    """
    names = distinct_tags([typed(tag) for tag in tags])
    if not all(names):
        raise UsageError("a hashtag has at least one character", where="TAG", next_step="Example: trends tag music")
    reject_two_forms(as_json, as_csv)
    most = MOST_SIDE_BY_SIDE if png or svg else None
    questions = questions_of(ctx, suggestions.tag(*names), tz, kind, source)
    answer = questions.tags(names, since, until, last, most=most)
    if as_json:
        click.echo(json.dumps(tag_json(answer), ensure_ascii=False))
    elif as_csv:
        print_csv(tag_rows(answer), tz)
        warn_of_mixture(answer.rules)
    elif not (png or svg):
        _print_lines(answer, tz)
    _draw(answer, questions, png, svg)


def _print_lines(answer: History | Comparison, tz: ZoneInfo) -> None:
    from serving.render.tables import tag_table

    console().print(tag_table(answer, tz))


def _draw(answer: History | Comparison, questions: Questions, png: Path | None, svg: Path | None) -> None:
    if png or svg:
        from serving.render.charts.picture import tag_picture

        write_picture(tag_picture(answer, questions.times.tz, questions.current), png, svg)
