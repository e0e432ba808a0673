"""`trends feed`: other streams than posts, each declared in a file, from a source through Kafka to its sinks."""

import json
import logging
import os
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from config.errors import UsageError
from ingest.hours import wall_clock
from serving.cli.commands import feed_demo
from serving.cli.feeds import feed_output
from serving.cli.options import json_option, settings_of
from serving.cli.signals import STOPPED, stopping

if TYPE_CHECKING:
    from config.settings import Settings
    from ingest.feeds.declaration.model import NamedFeed

NAME = click.argument("name", metavar="FEED")
SET = click.option("--set", "values", multiple=True, metavar="NAME=VALUE", help="A variable of the feed's file.")


@click.group()
def feed() -> None:
    """Bring records of other sources to Kafka, and from there to PostgreSQL, HDFS, Hive, CSV and other topics.

    A feed is one short file (docs/feeds.md): a shipped one, or your own in the folder feeds/.

    \b
    Examples:
      trends feed list
      trends feed check weather
      trends up weather
      trends feed status weather
    """


feed.add_command(feed_demo.demo)


@feed.command("list")
@json_option
@click.pass_context
def list_(ctx: click.Context, as_json: bool) -> None:
    """List the feeds: the shipped ones, and yours.

    \b
    Examples:
      trends feed list
      trends feed list --json
    """
    from serving.cli.feeds.feed_catalog import catalog

    feed_output.show_catalog(catalog(settings_of(ctx)), as_json)


@feed.command()
@NAME
@SET
@json_option
@click.pass_context
def check(ctx: click.Context, name: str, values: tuple[str, ...], as_json: bool) -> None:
    """Check a feed's file without any server: its mistakes, what each sink promises, and its examples.

    FEED is a name or the path of a file. Exits with 1 if an example gives something else than it says, with 2 if the
    file is wrong.

    \b
    Examples:
      trends feed check weather
      trends feed check feeds/bikes.toml --json
    """
    from batch_layer.feeds.feed_check import check_feed
    from ingest.feeds.declaration.variables import assignments
    from serving.cli.feeds.feed_catalog import catalog

    found = check_feed(catalog(settings_of(ctx)), name, assignments(values), os.environ, wall_clock())
    feed_output.show_check(found, as_json)
    ctx.exit(0 if found.is_right else 1)


@feed.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE…")
@click.pass_context
def adopt(ctx: click.Context, files: tuple[Path, ...]) -> None:
    """Make a feed's file of params.json and config.json, as the recipe "Kafka to Hive" has them.

    The file goes to standard output, and what became of each key to standard error. Secrets stay where they are.

    \b
    Examples:
      trends feed adopt params/params.json params/config.json > feeds/mine.toml
    """
    from ingest.feeds.declaration.adoption import adopt as read

    settings_of(ctx)
    adoption = read(files)
    click.echo(adoption.text, nl=False)
    feed_output.say_adopted(adoption.report)


@feed.command()
@NAME
@SET
@click.option("--only", multiple=True, metavar="PART", help="Run this part: `source`, or a sink. Repeat for several.")
@click.option(
    "--from",
    "since",
    type=click.Choice(["position", "now"]),
    help="Where sinks begin: behind their last commit, or at the end of the topic now. They record what they skip as a "
    "gap.  [default: as the file says]",
)
@click.option("--until-drained", is_flag=True, help="Stop when the source has ended and every sink has everything.")
@click.option("--polls", type=click.IntRange(1), help="End a polled source after so many polls.")
@click.option(
    "--deliveries",
    is_flag=True,
    help="Print a line for each message that Kafka has taken or refused, and for each commit.",
)
@click.option("--keep-going", is_flag=True, help="If a part fails, run the others on, and start it again each minute.")
@click.pass_context
def run(ctx: click.Context, /, name: str, values: tuple[str, ...], **options: Any) -> None:
    """Run a feed in this process, until Ctrl-C. `trends up FEED` runs it under supervision.

    Ctrl-C finishes the packets in hand; the same command resumes behind them.

    \b
    Examples:
      trends feed run weather
      trends feed run fitness --until-drained
      trends feed run hashtag --only source --set tag=bigdata
      trends feed run hashtag --only hive --from now
    """
    from batch_layer.feeds.running import RunOptions, run_feed
    from serving.cli.feeds.feed_rights import grant_rights
    from serving.cli.feeds.part_logs import part_logs

    for logger in (logging.getLogger(), logging.getLogger("kafka")):  # it waits for servers, and says so
        logger.setLevel(logging.INFO)
    settings = settings_of(ctx)
    declared = _load(settings, name, values)
    deliver = partial(click.echo, err=True) if options.pop("deliveries") else None
    chosen = RunOptions(**options, deliver=deliver)
    grant_rights(settings, [declared])
    with stopping() as stop, part_logs(settings, declared.name, chosen.parts(declared)):
        run_feed(settings, declared, chosen, stop)
        ctx.exit(STOPPED if stop.is_set() and options["until_drained"] else 0)


@feed.command()
@NAME
@SET
@json_option
@click.pass_context
def status(ctx: click.Context, name: str, values: tuple[str, ...], as_json: bool) -> None:
    """Show how far each stage of a feed is: position, what it kept, and why it waits.

    Exits with 1 if a stage has failed, waits, or has a server that does not answer.

    \b
    Examples:
      trends feed status weather
      trends feed status weather --json
    """
    from batch_layer.feeds.stage_status import stage_statuses
    from serving.status.health import stage_is_wrong

    settings = settings_of(ctx)
    found = stage_statuses(settings, _load(settings, name, values, lenient=True), wall_clock())
    if as_json:
        click.echo(json.dumps([asdict(each) for each in found], ensure_ascii=False))
    else:
        feed_output.show_stages(found)
    ctx.exit(1 if any(map(stage_is_wrong, found)) else 0)


@feed.command()
@NAME
@click.argument("sink")
@SET
@click.option("-n", "most", default=10, show_default=True, type=click.IntRange(1, 10_000), help="How many rows.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
@json_option
@click.pass_context
def show(
    ctx: click.Context, name: str, sink: str, values: tuple[str, ...], most: int, as_csv: bool, as_json: bool
) -> None:
    """Show the latest rows of a sink.

    \b
    Examples:
      trends feed show weather postgres
      trends feed show weather hive -n 5 --json
    """
    from batch_layer.sinks.stages import open_place

    if as_csv and as_json:
        raise UsageError("give --csv or --json, not both")
    settings = settings_of(ctx)
    declared = _load(settings, name, values, lenient=True)
    rows = open_place(settings, declared, sink).rows(most)
    feed_output.show_rows(rows, as_csv=as_csv, as_json=as_json)


@feed.command()
@NAME
@SET
@json_option
@click.pass_context
def verify(ctx: click.Context, name: str, values: tuple[str, ...], as_json: bool) -> None:
    """Recount each sink from its rows: kept + rejected + left out + gaps = accepted, each offset once.

    Exits with 1 if something does not add up.

    \b
    Examples:
      trends feed verify weather
      trends feed verify weather --json
    """
    from batch_layer.feeds.feed_verify import verify_feed

    settings = settings_of(ctx)
    found = list(verify_feed(settings, _load(settings, name, values, lenient=True)))
    if as_json:
        click.echo(json.dumps([asdict(each) for each in found], ensure_ascii=False))
    else:
        feed_output.show_recount(found)
    ctx.exit(1 if any(each.wrong for each in found) else 0)


@feed.command()
@NAME
@click.argument("sink")
@SET
@click.option("--dry-run", is_flag=True, help="Only say what would happen.")
@click.option("--yes", is_flag=True, help="Skip the confirmation.")
@click.pass_context
def rebuild(ctx: click.Context, name: str, sink: str, values: tuple[str, ...], dry_run: bool, yes: bool) -> None:
    """Empty a sink, and fill it again from the nearest place that has everything.

    Stop its stage first: `trends down FEED`.

    \b
    Examples:
      trends feed rebuild weather hive --dry-run
      trends feed rebuild weather hive --yes
    """
    from batch_layer.feeds.rebuild import plan_rebuild
    from batch_layer.feeds.rebuild import rebuild as fill

    settings = settings_of(ctx)
    declared = _load(settings, name, values)
    plan = plan_rebuild(settings, declared, sink)
    click.echo(feed_output.rebuild_text(plan), err=True)
    if dry_run:
        return
    if not yes:
        click.confirm("Go on?", abort=True, err=True)
    with stopping() as stop:
        feed_output.show_rebuilt(sink, fill(settings, declared, plan, stop))
        ctx.exit(STOPPED if stop.is_set() else 0)


def _load(settings: "Settings", name: str, values: tuple[str, ...], *, lenient: bool = False) -> "NamedFeed":
    from serving.cli.feeds.feed_catalog import load_feed

    return load_feed(settings, name, values, lenient=lenient)
