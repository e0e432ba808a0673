"""`trends ingest NAME`: a command for each live service of the registry. And `dismiss`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from ingest.hours import wall_clock
from ingest.sources.live.entry import Option
from ingest.sources.registry import LIVE, live_entry
from serving.cli.options import json_option, restart_option, settings_of

Command = Callable[..., None]


def live_command(name: str) -> click.Command | None:
    """The command that ingests the posts of a live service; None for an unknown name."""
    if name not in LIVE:
        return None
    entry = live_entry(name)

    @_options_of_every_service
    @click.pass_context
    def run(ctx: click.Context, /, restart: bool, as_json: bool, **values: Any) -> None:
        from serving.cli.ingest import ingest_runner, live_sources

        settings = settings_of(ctx)
        make = live_sources.live_source(name, settings, wall_clock, values)
        ctx.exit(ingest_runner.run(settings, make, None, restart=restart, as_json=as_json, endless=True))

    return click.command(name, help=entry.help, params=list(map(_click_option, entry.options)))(run)


def _click_option(option: Option) -> click.Parameter:
    if option.type == "flag":
        return click.Option([option.flag], is_flag=True, help=option.help)
    if option.type == "count":
        bounds = click.IntRange(0, option.most)
        return click.Option([option.flag], type=bounds, default=0, metavar=option.metavar, help=option.help)
    return click.Option(
        [option.flag], type=click.Path(path_type=Path) if option.type == "path" else str, metavar=option.metavar,
        help=option.help, required=option.required, multiple=option.repeatable,
    )  # fmt: skip


def _options_of_every_service(command: Command) -> Command:
    for option in (
        json_option,
        restart_option,
        click.option(
            "--limit", type=click.IntRange(1), metavar="N", help="End after N posts, counted since the first."
        ),
        click.option("--tag", "tags", multiple=True, metavar="TAG", help="Only posts that use this tag; repeatable."),
        click.option("--lang", "langs", multiple=True, metavar="LANG", help="Only posts in this language; repeatable."),
    ):
        command = option(command)
    return command


@click.command()
@click.argument("name")
@click.pass_context
def dismiss(ctx: click.Context, name: str) -> None:
    """Mark a live source that failed or died as stopped, so that `trends status` no longer warns about it.

    NAME is its name in `trends status`. The cursor stays: the source resumes there when it starts again. Stop a source
    that runs with Ctrl-C instead.

    \b
    Examples:
      trends ingest dismiss jetstream
      trends ingest dismiss mastodon:mastodon.example
    """
    from serving.cli.ingest import live_sources

    live_sources.dismiss(settings_of(ctx), name, wall_clock())
    click.echo(f"marked {name} as stopped", err=True)
