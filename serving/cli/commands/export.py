"""`trends export`: the ranked tags of each hour of a range, for other tools."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import click

from config.errors import UsageError
from config.quantity import quantity
from ingest.hours import Hour
from serving.answers.merge import View
from serving.cli.options import kind_option, source_option, tz_option
from serving.cli.output_files import FILE, print_pieces, warn_of_mixture
from serving.cli.query_options import questions_of
from serving.query import suggestions
from serving.render.row_files import FORMATS, Format, format_of, write_rows
from serving.render.row_text import csv_text, json_text
from serving.render.rows import hour_rows
from serving.views.documents import Kind


@click.command()
@click.option("--since", metavar="TIME", help="Start of a range of hours, of any length.")
@click.option("--until", metavar="TIME", help="End of the range, exclusive.  [default: now]")
@click.option("--last", metavar="SPAN", help="The range from that long ago until now: 1h, 24h, 7d.")
@click.option(
    "--format", "form", type=click.Choice(FORMATS),
    help="parquet, csv, or json: an object a line.  [default: by the name of FILE, else csv]",
)  # fmt: skip
@click.option("-o", "--output", "file", type=FILE, metavar="FILE", help="Write a file, whole or not at all.")
@click.option(
    "-n", "n", type=click.IntRange(0), default=0, help="Number of tags an hour.  [default: all that are kept]"
)
@kind_option
@source_option
@tz_option
@click.pass_context
def export(
    ctx: click.Context,
    since: str | None,
    until: str | None,
    last: str | None,
    form: Format | None,
    file: Path | None,
    n: int,
    kind: Kind,
    source: str | None,
    tz: ZoneInfo,
) -> None:
    """Write the ranked tags of each hour for DuckDB, pandas, spreadsheets and other tools.

    A row for each tag of each hour: hour, rank, tag, shown, count, origin, state, rule. Times are ISO 8601 with the
    offset of --tz; in Parquet they are instants. CSV writes a hashtag with its #, so that no spreadsheet takes one for
    a formula; Parquet and JSON write it bare, as --json does. Memory does not grow with the range.

    \b
    Examples:
      trends export --last 7d -o week.parquet
      trends export --since 2013-04-15 --until 2013-04-18 --format csv > days.csv
      trends export --last 24h -n 10 --format json
      trends export --last 30d --kind bigram -o phrases.csv --tz Europe/Paris
    """
    if since is None and last is None:
        raise UsageError("no range is named", where="--since", next_step="Example: trends export --last 7d")
    form = form or (format_of(file) if file else "csv")
    if file is None and form == "parquet":
        step = "Name a file: -o FILE"
        raise UsageError("Parquet goes to a file", where="--format parquet", next_step=step)
    questions = questions_of(ctx, suggestions.export, tz, kind, source)
    hours: list[_Computed] = []
    rows = hour_rows(_noting(questions.export(since, until, last, n), hours), questions.query.lens)
    if file is None:
        print_pieces((csv_text if form == "csv" else json_text)(rows, tz))
    else:
        size = write_rows(rows, tz, file, form)
        click.echo(f"wrote {file}: {quantity(size, 'byte')}", err=True)
    warn_of_mixture(questions.query.rules(hours))


class _Computed(NamedTuple):
    """How an hour was computed. See `HourWithRule`."""

    hour: Hour
    rule: str | None
    state: str


def _noting(views: Iterable[View], hours: list[_Computed]) -> Iterator[View]:
    """The views, each noted without its rows as it goes by."""
    for view in views:
        hours.append(_Computed(view.hour, view.rule, view.state))
        yield view
