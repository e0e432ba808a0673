"""`trends archive` and `trends compact`: the master data set on HDFS."""

import json
from typing import Any

import click
from rich.table import Table

from config.quantity import quantity
from ingest.hours import wall_clock
from serving.cli.consoles import console
from serving.cli.options import json_option, settings_of
from serving.cli.signals import stopping


@click.group(invoke_without_command=True)
@click.option("--until-drained", is_flag=True, help="Stop when the group has archived everything committed so far.")
@json_option
@click.pass_context
def archive(ctx: click.Context, until_drained: bool, as_json: bool) -> None:
    """Copy posts from Kafka to HDFS, each exactly once.

    Runs until Ctrl-C or SIGTERM, and then archives what it has read before it ends. Several may run: they share the
    partitions. What dies is continued by whoever is next, from the manifests on HDFS. A partition whose log of
    manifests is damaged stands still, and the others go on.

    --until-drained waits for partitions that another archiver has, until that one has archived them.

    \b
    Examples:
      trends archive
      trends archive --until-drained --json
    """
    if ctx.invoked_subcommand is not None:
        return
    from batch_layer.archive.archiver import Archiver

    with stopping() as stop:
        summary = Archiver(settings_of(ctx)).run(until_drained, stop)
    _show("archived", summary.document(), as_json)
    if until_drained and not stop.is_set() and not (summary.posts or summary.rejected):
        others = (
            f": others of the group archived {quantity(summary.by_others, 'post')} meanwhile"
            if summary.by_others
            else ""
        )
        click.echo(f"Nothing to archive here{others}. Everything in Kafka is archived", err=True)


@archive.command()
@click.argument("partition", type=click.IntRange(min=0))
@click.argument("start", type=click.IntRange(min=0))
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@click.pass_context
def gap(ctx: click.Context, partition: int, start: int, yes: bool, as_json: bool) -> None:
    """Tell the offsets of a lost manifest as a gap, so that the partition goes on.

    Only where no backup has the manifest: its name is taken afterwards. START is the offset at which the log of the
    PARTITION can't be followed, as `trends status` and `trends verify --all` name it. The gap ends where the next
    manifest begins: what that and all later ones hold stays archived. A damaged manifest is set aside under a name
    that ends with .damaged. Exits with 3 where no manifest is missing or damaged at that offset.

    \b
    Examples:
      trends archive gap 1 4096
      trends archive gap 1 4096 --yes --json
    """
    from batch_layer.archive.gaps import declare_gap, find_loss

    settings = settings_of(ctx)
    loss = find_loss(settings, partition, start)
    topic = f"{settings.kafka.posts}/{partition}"
    if loss.end is None:
        click.echo(f"{loss.damaged} is set aside; no manifest follows it: archiving goes on from Kafka", err=True)
    else:
        lost = f"offsets {start:,} to {loss.end - 1:,}"
        click.echo(f"{topic}: {lost} ({loss.end - start:,}) become a gap: readers will not see their posts", err=True)
    if not yes:
        click.confirm("Is there no backup of the manifest?", abort=True, err=True)
    archived_to = declare_gap(settings, loss, wall_clock())
    document = {
        "partition": partition,
        "start": start,
        "next": loss.end,
        "set_aside": f"{loss.damaged}.damaged" if loss.damaged else None,
        "archived_to": archived_to,
    }
    if as_json:
        click.echo(json.dumps(document))
    else:
        click.echo(f"{topic} is archived to offset {archived_to:,} now")


@click.command()
@click.option("--dry-run", is_flag=True, help="Only say which hours would be merged.")
@json_option
@click.pass_context
def compact(ctx: click.Context, dry_run: bool, as_json: bool) -> None:
    """Merge the files of each complete, quiet hour into one.

    The files that were merged are deleted by a later run, after archive.keep_replaced_s, since readers may still hold
    their names. Exits with 1 if an hour was left out because one of its files is damaged.

    \b
    Examples:
      trends compact --dry-run
      trends compact --json
    """
    from batch_layer.archive.compaction import compact_due

    report = compact_due(settings_of(ctx), wall_clock(), dry_run)
    _show("to compact" if dry_run else "compacted", report.document(), as_json)
    if report.damaged:
        ctx.exit(1)


def _show(title: str, document: dict[str, Any], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(document))
        return
    table = Table(title=title, title_justify="left", show_header=False, box=None)
    for name, value in document.items():
        table.add_row(name, _told(value))
    console().print(table)


def _told(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}: {each:,}" for name, each in value.items())
    if isinstance(value, list):
        return f"{len(value):,}" + (f" ({value[0]} to {value[-1]})" if value else "")
    return f"{value:,}"
