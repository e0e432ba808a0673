"""Options that several commands share."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, get_args
from zoneinfo import ZoneInfo

import click

from ingest.hours import wall_clock
from serving.query.time_expressions import zone
from serving.query.time_ranges import TimeResolver
from serving.views.documents import Kind

if TYPE_CHECKING:
    from config.settings import Settings


def settings_of(ctx: click.Context) -> "Settings":
    """The settings. The first call of a process reads them: a page of help needs none."""
    from config.settings import Settings
    from config.settings.network import tracing

    root = ctx.find_root()
    if root.obj is None:
        root.obj = Settings.read()
        tracing.start(root.obj.trace.endpoint, f"trends {root.invoked_subcommand}")
    settings: Settings = root.obj
    return settings


def resolver_of(tz: ZoneInfo) -> TimeResolver:
    """Resolves time expressions as of now; its notes go to standard error."""
    return TimeResolver(wall_clock(), tz, partial(click.echo, err=True))


def _zone(ctx: click.Context, param: click.Parameter, value: str) -> ZoneInfo:
    return zone(value)


Decorator = Callable[[Callable[..., None]], Callable[..., None]]

json_option: Decorator = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
restart_option: Decorator = click.option("--restart", is_flag=True, help="Start over, and ignore committed cursors.")
tz_option: Decorator = click.option(
    "--tz", default="UTC", show_default=True, callback=_zone, help="Time zone of times in options and output."
)
kind_option: Decorator = click.option(
    "--kind", type=click.Choice(get_args(Kind)), default="hashtag", show_default=True, help="What to count."
)
source_option: Decorator = click.option("--source", metavar="NAME", help="Only posts of one source: x, bluesky, …")
