"""`trends archive` and `trends compact`: the master data set on HDFS."""

import json
from typing import Any

import click
from rich.table import Table

from serving.cli.consoles import console
from serving.cli.options import json_option, now, settings_of
from serving.cli.stopping import stopping


@click.command()
@click.option("--until-drained", is_flag=True, help="Stop when everything committed so far is archived.")
@json_option
@click.pass_context
def archive(ctx: click.Context, until_drained: bool, as_json: bool) -> None:
    """Copy posts from Kafka to HDFS, each exactly once.

    Runs until Ctrl-C or SIGTERM, and then archives what it has read before it ends. Several may run: they share the
    partitions. What dies is continued by whoever is next, from the manifests on HDFS.

    \b
    Examples:
      trends archive
      trends archive --until-drained --json
    """
    from batch_layer.archive.archiver import Archiver

    with stopping() as stop:
        summary = Archiver(settings_of(ctx)).run(until_drained, stop)
    _show("archived", summary.document(), as_json)


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
    from batch_layer.archive.upkeep import compact_due

    report = compact_due(settings_of(ctx), now(), dry_run)
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
