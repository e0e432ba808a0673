"""`trends ingest jetstream`, `x` and `mastodon`: posts as they are published, until Ctrl-C. And `dismiss`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from ingest.hours import wall_clock
from serving.cli.options import json_option, restart_option, settings_of

Command = Callable[..., None]


def _wanted_options(command: Command) -> Command:
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
@click.option("--since", metavar="WHEN", help="Begin so long ago, 1h, or at a moment. Default: now.")
@click.option("--zstd-dictionary", type=click.Path(path_type=Path), metavar="FILE",
              help="Have events come packed; Jetstream's dictionary. Default: jetstream.zstd_dictionary.")  # fmt: skip
@_wanted_options
@click.pass_context
def jetstream(ctx: click.Context, /, restart: bool, as_json: bool, **asked: Any) -> None:
    """Bluesky's posts, live, from Jetstream. No key is needed.

    Started again, it goes on where it stood, as far back as the hosts keep posts (about a day); --since holds for the
    first start, and with --restart. The hosts are the setting jetstream.hosts.

    \b
    Examples:
      trends ingest jetstream
      trends ingest jetstream --since 1h --lang fr
      trends ingest jetstream --limit 1000
    """
    from serving.cli import ingest_runner, live_sources

    settings = settings_of(ctx)
    make = live_sources.jetstream_source(settings, wall_clock, asked)
    ctx.exit(ingest_runner.run(settings, make, None, restart=restart, as_json=as_json, endless=True))


@click.command()
@click.option("--rule", "rules", multiple=True, metavar="RULE",
              help="What the stream is to bring, in X's words; repeatable. Default: what is set.")  # fmt: skip
@click.option("--sample", is_flag=True, help="A sample of all posts, in place of what matches rules.")
@click.option("--backfill", type=click.IntRange(0, 5), default=0, metavar="MINUTES",
              help="Have X repeat up to 5 minutes after a connection broke, where the account may.")  # fmt: skip
@_wanted_options
@click.pass_context
def x(ctx: click.Context, /, restart: bool, as_json: bool, **asked: Any) -> None:
    """X's posts, live, by its API v2: the filtered stream, or with --sample the volume stream.

    The app's bearer token is TRENDS_X__TOKEN, or in the file that TRENDS_X__TOKEN_FILE names. With --rule, the rules
    that an earlier start of this command set are replaced; no other is touched.

    \b
    Examples:
      trends ingest x --rule '#paris lang:fr' --rule '#東京'
      trends ingest x --sample --lang en
    """
    from serving.cli import ingest_runner, live_sources

    if asked["sample"] and asked["rules"]:
        raise click.UsageError("--sample takes no --rule: it is a sample of all posts")
    settings = settings_of(ctx)
    make = live_sources.x_source(settings, wall_clock, asked)
    ctx.exit(ingest_runner.run(settings, make, None, restart=restart, as_json=as_json, endless=True))


@click.command()
@click.option("--server", required=True, metavar="URL", help="The server: https://mastodon.example")
@click.option("--local", is_flag=True, help="Only posts of its own accounts.")
@_wanted_options
@click.pass_context
def mastodon(ctx: click.Context, /, restart: bool, as_json: bool, **asked: Any) -> None:
    """The public posts that a Mastodon server sees, live.

    An access token of an account there is TRENDS_MASTODON__TOKEN, or in the file that TRENDS_MASTODON__TOKEN_FILE
    names.

    \b
    Examples:
      trends ingest mastodon --server https://mastodon.example
      trends ingest mastodon --server https://mastodon.example --tag caturday
    """
    from serving.cli import ingest_runner, live_sources

    settings = settings_of(ctx)
    make = live_sources.mastodon_source(settings, wall_clock, asked)
    ctx.exit(ingest_runner.run(settings, make, None, restart=restart, as_json=as_json, endless=True))


@click.command()
@click.argument("name")
@click.pass_context
def dismiss(ctx: click.Context, name: str) -> None:
    """A live source that failed or was killed is not wanted any more: `trends status` calls it stopped from now on.

    NAME is what `trends status` calls it. Its cursor is kept: started again, it goes on from there. One that runs is
    not dismissed, but stopped.

    \b
    Examples:
      trends ingest dismiss jetstream
      trends ingest dismiss mastodon:mastodon.example
    """
    from serving.cli import live_sources

    live_sources.dismiss(settings_of(ctx), name, wall_clock())
    click.echo(f"{name} is told as stopped", err=True)
