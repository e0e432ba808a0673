"""`trends day`: hour by hour, on a terminal, as data, as a page, as pictures."""

import json
from typing import Any
from zoneinfo import ZoneInfo

import click

from serving.answers.day import Day
from serving.cli.consoles import console
from serving.cli.output_files import (
    FILE,
    png_option,
    print_csv,
    reject_two_forms,
    svg_option,
    warn_of_mixture,
    write_file,
    write_picture,
)
from serving.cli.query_options import question_options, questions_of
from serving.query import suggestions
from serving.query.questions import Questions
from serving.render.json_answers import day_json
from serving.render.rows import day_rows
from serving.views.documents import Kind


@click.command()
@click.option("--date", metavar="DAY", help="A day in the zone of --tz: 2013-04-15, today, monday.")
@click.option("--last", metavar="SPAN", help="The range from that long ago until now.  [default: 24h]")
@click.option("--since", metavar="TIME", help="Start of a range of hours.")
@click.option("--until", metavar="TIME", help="End of the range, exclusive.  [default: now]")
@click.option("-n", "n", type=click.IntRange(1, 50), default=10, show_default=True, help="Number of tags an hour.")
@question_options
@click.option("--html", type=FILE, metavar="FILE", help="Write a self-contained HTML page with charts and a table.")
@png_option
@svg_option
@click.option(
    "--chart",
    type=click.Choice(["bump", "heat"]),
    default="bump",
    show_default=True,
    help="Chart of --png and --svg: ranks or uses.",
)
@click.pass_context
def day(
    ctx: click.Context,
    /,
    date: str | None,
    last: str | None,
    since: str | None,
    until: str | None,
    n: int,
    kind: Kind,
    source: str | None,
    tz: ZoneInfo,
    as_json: bool,
    as_csv: bool,
    **files: Any,
) -> None:
    """Show the most used hashtags hour by hour, for the last 24 hours, a day or a range.

    Signs compare each hour with the one before: ▲ rose, ▼ fell, ✚ new.

    \b
    Examples:
      trends day
      trends day --date yesterday --tz Europe/Paris
      trends day --last 48h --json
      trends day --since 2013-04-15T12 --until 2013-04-15T18
      trends day --kind bigram
      trends day --png day.png
      trends day --chart heat --svg day.svg
      trends day --date 2013-04-15 --html day.html
    """
    reject_two_forms(as_json, as_csv)
    questions = questions_of(ctx, suggestions.day, tz, kind, source)
    answer = questions.day(n, date, last, since, until)
    if as_json:
        click.echo(json.dumps(day_json(answer), ensure_ascii=False))
    elif as_csv:
        print_csv(day_rows(answer), tz)
        warn_of_mixture(answer.rules)
    elif not any(files[kind] for kind in ("html", "png", "svg")):
        _print_grid(answer, tz)
    _draw(answer, questions, files)


def _print_grid(answer: Day, tz: ZoneInfo) -> None:
    from serving.render.tables import day_table

    drawn_on = console()
    drawn_on.print(day_table(answer, tz, drawn_on.width))


def _draw(answer: Day, questions: Questions, files: dict[str, Any]) -> None:
    """Write the page and the pictures that the options name."""
    tz, current = questions.times.tz, questions.current
    if files["html"]:
        from serving.render.charts.html_report import html_report

        write_file(files["html"], html_report(answer, tz, current).encode())
    if files["png"] or files["svg"]:
        from serving.render.charts.picture import bump_picture, heat_picture

        picture = heat_picture if files["chart"] == "heat" else bump_picture
        write_picture(picture(answer, tz, current), files["png"], files["svg"])
