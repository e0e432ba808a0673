"""`trends feed demo`: a feed from end to end, on generated input and real servers."""

import logging
import os
import time
from typing import TYPE_CHECKING

import click

from config.errors import TrendsError
from config.quantity import quantity
from ingest.hours import wall_clock
from serving.cli.feeds import feed_output
from serving.cli.options import settings_of
from serving.cli.signals import STOPPED, stopping
from serving.cli.tour import echo_command, run_command, title

if TYPE_CHECKING:  # the model of a feed's file loads when a command reads one
    from config.settings import Settings
    from ingest.feeds.declaration.model import NamedFeed

_VALUES = {"tag": "news"}
"""For variables of the shipped feeds that need a value."""


@click.command()
@click.argument("name", metavar="FEED")
@click.option("--seed", default=1, show_default=True, help="Equal seeds make equal input.")
@click.pass_context
def demo(ctx: click.Context, name: str, seed: int) -> None:
    """Take a shipped feed from end to end, without its API, its key or its file.

    Starts the servers that the feed needs, brings generated records into a topic of its own and from there into each
    sink, shows some rows, and recounts them. All places begin with `demo`, and stay.

    \b
    Examples:
      trends feed demo weather
      trends feed demo fitness
    """
    from batch_layer.feeds.demo_feed import demo_feed
    from batch_layer.feeds.needs import servers_of
    from batch_layer.feeds.running import RunOptions, run_feed
    from config.stack.paths import StackPaths
    from serving.cli.feeds import feed_catalog
    from serving.cli.feeds.feed_rights import grant_rights

    settings, began = settings_of(ctx), time.monotonic()
    catalog = feed_catalog.catalog(settings)
    file = catalog.file(name)
    missing = set(file.missing({}, os.environ)) & _VALUES.keys()
    feed = catalog.feed(name, {variable: _VALUES[variable] for variable in missing})
    title("The servers that the feed needs")
    run_command("up", *servers_of(feed))
    folder = StackPaths.of(settings.stack).state / "demo"
    with stopping() as stop, demo_feed(feed, folder, seed, wall_clock) as ours:
        title(
            f"Its records, generated, into Kafka, and from there into {quantity(len(feed.declaration.sinks), 'sink')}"
        )
        echo_command("feed", "run", name, "--until-drained")
        logging.getLogger("kafka").setLevel(logging.CRITICAL)
        grant_rights(settings, [ours])
        run_feed(settings, ours, RunOptions(until_drained=True, polls=_polls(ours)), stop)
        if stop.is_set():
            ctx.exit(STOPPED)
        _show(settings, name, ours)
    click.echo(f"\nThat took {time.monotonic() - began:.0f} s. `trends feed check {name}` says what the feed does, "
               f"`trends up {name}` runs it on its own source.")  # fmt: skip


def _polls(feed: "NamedFeed") -> int | None:
    from batch_layer.feeds.demo_feed import POLLS
    from ingest.feeds.declaration.model import HttpSource

    return POLLS if isinstance(feed.declaration.source, HttpSource) else None


def _show(settings: "Settings", name: str, feed: "NamedFeed") -> None:
    """Rows of each sink, and the recount. Raises `TrendsError` where that does not add up."""
    from batch_layer.feeds.feed_verify import verify_feed
    from batch_layer.feeds.stage_status import stage_statuses
    from batch_layer.sinks.stages import open_place

    for sink in feed.declaration.sinks:
        title(f"What {sink} has")
        echo_command("feed", "show", name, sink, "-n", "3")
        rows = open_place(settings, feed, sink).rows(3)
        feed_output.show_rows(rows, as_csv=False, as_json=False)
    title("How far each stage is")
    echo_command("feed", "status", name)
    feed_output.show_stages(stage_statuses(settings, feed, wall_clock()))
    title("Recounted from the rows: kept + rejected + left out + gaps = accepted")
    echo_command("feed", "verify", name)
    found = list(verify_feed(settings, feed))
    feed_output.show_recount(found)
    if any(each.wrong for each in found):
        raise TrendsError("the numbers do not add up", where=f"demo of {name}", next_step="See above")
