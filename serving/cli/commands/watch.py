"""`trends watch`: the hour in progress, refreshed in place."""

import json
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import click

from config.errors import TrendsError
from ingest.hours import Hour, Millis, wall_clock
from serving.answers.merge import View
from serving.cli.consoles import console
from serving.cli.options import json_option, kind_option, settings_of, tz_option
from serving.cli.query_options import query_of
from serving.query import suggestions
from serving.query.lenses import why_not_sent
from serving.query.query import Query
from serving.query.time_expressions import span
from serving.render.json_answers import hour_json, missing_json
from serving.render.text import local_hour, table
from serving.views.documents import Kind

if TYPE_CHECKING:
    from rich.console import RenderableType

Seen = tuple[Hour, View | None, str]
"""An hour, its view, and the error of the last query."""
_NOTHING_YET = "No data for this hour yet."


@click.command()
@click.option("-n", "n", type=click.IntRange(1, 100), default=10, show_default=True, help="Number of tags.")
@click.option("--every", metavar="SPAN", default="1s", show_default=True, help="Refresh interval.")
@click.option("--for", "lasting", metavar="SPAN", help="Stop after this span.  [default: at Ctrl-C]")
@kind_option
@tz_option
@json_option
@click.pass_context
def watch(ctx: click.Context, n: int, every: str, lasting: str | None, kind: Kind, tz: ZoneInfo, as_json: bool) -> None:
    """Watch the hour in progress, as the speed layer counts it.

    On a terminal the table refreshes in place; elsewhere, and with --json, each change prints a new one. At the end of
    the hour the next one follows. If a server is down, the command waits for it.

    \b
    Examples:
      trends watch
      trends watch --every 5s -n 20
      trends watch --for 1m --json
    """
    query = query_of(ctx, suggestions.top, kind)
    why = why_not_sent(kind, settings_of(ctx).ingest.kinds)
    end = wall_clock() + span(lasting) if lasting else None
    seen = _looks(query, n, span(every) / 1000, end)
    try:
        if as_json:
            _print_json(seen, why)
        else:
            _show(seen, tz, why or _NOTHING_YET)
    except KeyboardInterrupt:
        pass  # the usual end of a watch


def _looks(query: Query, n: int, every_s: float, end: Millis | None) -> Iterator[Seen]:
    """Look at the hour in progress, again and again, at least once."""
    last: View | None = None
    while True:
        hour, trouble = Hour.of(wall_clock()), ""
        try:
            last = next(iter(query.hours([hour], n)), None)
        except TrendsError as error:
            if not error.retriable:
                raise
            trouble = str(error)
        yield hour, last if last and last.hour == hour else None, trouble
        if end is not None and wall_clock() + every_s * 1000 > end:
            return
        time.sleep(every_s)


def _print_json(looks: Iterator[Seen], why: str = "") -> None:
    """Each change as a line. `why` there may be nothing goes to standard error, once."""
    before = None
    for hour, view, trouble in looks:
        if trouble:
            click.echo(trouble, err=True)
        elif (hour, view) != before:
            before = hour, view
            click.echo(json.dumps(hour_json(view) if view else missing_json(hour), ensure_ascii=False))
            if why and not view:
                click.echo(why, err=True)
                why = ""


def _show(looks: Iterator[Seen], tz: ZoneInfo, nothing: str = _NOTHING_YET) -> None:
    from rich.live import Live
    from rich.text import Text

    screen = console()
    if not screen.is_terminal:
        before = None
        for seen in looks:
            if seen != before:
                before = seen
                screen.print(_drawn(seen, tz, nothing, screen.width))
        return
    with Live(Text("loading …"), console=screen, auto_refresh=False) as live:
        for seen in looks:
            live.update(_drawn(seen, tz, nothing, screen.width), refresh=True)


def _drawn(seen: Seen, tz: ZoneInfo, nothing: str, width: int) -> "RenderableType":
    from rich.console import Group
    from rich.text import Text

    hour, view, trouble = seen
    title = local_hour(hour, tz)
    drawn = table(view, title, width) if view else Text(f"{title}\n\n{nothing}")
    return Group(drawn, Text(trouble, style="red")) if trouble else drawn
