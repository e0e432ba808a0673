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
@click.option("--until-drained", is_flag=True, help="Stop once the group has archived all messages committed so far.")
@json_option
@click.pass_context
def archive(ctx: click.Context, until_drained: bool, as_json: bool) -> None:
    """Copy posts from Kafka to HDFS, each exactly once.

    Runs until Ctrl-C or SIGTERM, and archives the messages in memory before it exits. Several archivers share the
    partitions. If one dies, another continues from the manifests on HDFS. A damaged log of manifests stops its
    partition only.

    --until-drained also waits for partitions of other archivers.

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
            f"; other archivers of the group archived {quantity(summary.by_others, 'post')}"
            if summary.by_others
            else ""
        )
        click.echo(f"Nothing to archive{others}: all messages in Kafka are archived", err=True)


@archive.command()
@click.argument("partition", type=click.IntRange(min=0))
@click.argument("start", type=click.IntRange(min=0))
@click.option("--yes", is_flag=True, help="Skip the confirmation.")
@json_option
@click.pass_context
def gap(ctx: click.Context, partition: int, start: int, yes: bool, as_json: bool) -> None:
    """Declare the offsets of a lost manifest a gap, so that the partition continues.

    Do this only without a backup of the manifest: the gap takes its name. START is the offset at which the log of
    PARTITION breaks, as `trends status` and `trends verify --all` report it. The gap ends at the next manifest, which
    stays archived with all later ones. The command renames a damaged manifest to NAME.damaged. Exits with 3 if no
    manifest is missing or damaged at that offset.

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
        click.echo(f"{loss.damaged} moves aside; no manifest follows it, so archiving continues from Kafka", err=True)
    else:
        lost = f"offsets {start:,} to {loss.end - 1:,}"
        click.echo(f"{topic}: {lost} ({loss.end - start:,}) become a gap: their posts are lost to readers", err=True)
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
        click.echo(f"{topic} is archived up to offset {archived_to:,}")


@click.command()
@click.option("--dry-run", is_flag=True, help="Only list the hours to merge.")
@json_option
@click.pass_context
def compact(ctx: click.Context, dry_run: bool, as_json: bool) -> None:
    """Merge the files of each complete, quiet hour into one.

    A later run deletes the merged files, after archive.keep_replaced_s, because readers may still use them. Exits with
    1 if a damaged file kept an hour from being merged.

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
        table.add_row(name, _text(value))
    console().print(table)


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}: {each:,}" for name, each in value.items())
    if isinstance(value, list):
        return f"{len(value):,}" + (f" ({value[0]} to {value[-1]})" if value else "")
    return f"{value:,}"
