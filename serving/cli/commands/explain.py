"""`trends explain`: where an hour's answer came from."""

import json
from zoneinfo import ZoneInfo

import click

from config.errors import NoDataError
from ingest.hours import Hour
from serving.cli.options import json_option, resolver_of, settings_of, tz_option
from serving.cli.query_options import query_of
from serving.query import suggestions


@click.command()
@click.option("--hour", metavar="HOUR", default="now-1h", show_default=True, help="2017-01-06T07, monday-7h, now.")
@tz_option
@json_option
@click.pass_context
def explain(ctx: click.Context, hour: str, tz: ZoneInfo, as_json: bool) -> None:
    """Explain where an hour's answer came from.

    Shows the layer and its state; the run and the rule that computed it; the chunks and files behind it; missing, late
    and rejected posts; the lag of the speed layer, and its answer before the batch layer's.

    \b
    Examples:
      trends explain --hour monday-7h
      trends explain --hour 2017-01-06T07 --json
    """
    from serving.render.explanation import chunks_and_files, sentences
    from serving.status.provenance import explain_hour

    wanted: Hour = resolver_of(tz).hour(hour)
    explanation = explain_hour(settings_of(ctx), wanted)
    if as_json:
        click.echo(json.dumps(explanation.to_json(), ensure_ascii=False))
    else:
        for line in (*sentences(explanation), *chunks_and_files(explanation)):
            click.echo(line)
    if explanation.answer.origin is None:
        there = query_of(ctx, suggestions.explain).what_there_is()
        raise NoDataError(f"no data for {wanted}", next_step=there)
