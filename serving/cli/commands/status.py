"""`trends status`: what runs, what is behind, what is complete, what was computed. What can't be asked says why."""

import json
import shlex
from typing import Any

import click

from config.terminal_text import printable
from serving.cli.consoles import console
from serving.cli.options import json_option, settings_of
from serving.status.collect import Facts, gathered
from serving.status.health import ENDED_WRONG, is_unknown, is_wrong

_LONGEST = 200
"""Characters of a reason that are shown."""
_SHARED = "more than one writes a partition: counts stay exact, and they slow each other down. `sparse kill` ends one"


@click.command()
@json_option
@click.pass_context
def status(ctx: click.Context, as_json: bool) -> None:
    """Servers, live sources, lag of each group, the archive's watermark, hours by state, last runs, rejects.

    Exits with 1 if something does not answer or does not run. A live source that failed, or ended without a word,
    counts until it is started again, or dismissed (trends ingest dismiss).

    \b
    Examples:
      trends status
      trends status --json
    """
    told = gathered(settings_of(ctx))
    if as_json:
        click.echo(json.dumps(told, ensure_ascii=False))
    else:
        _show(told)
    ctx.exit(1 if any(is_wrong(name, part) for name, part in told.items()) else 0)


def _show(told: dict[str, Any]) -> None:
    from rich.text import Text

    screen = console()
    for name, part in told.items():
        if is_unknown(part):
            screen.print(Text(f"\n{name}", style="bold red"))
            screen.print(f"  {part['error']}", soft_wrap=True)
        elif name == "servers":
            screen.print(_servers_table(part))
        elif name == "runs":
            screen.print("", _runs_table(part))
        elif name == "sources":
            _show_sources(screen, part)
        else:
            screen.print(Text(f"\n{name}", style="bold"))
            for key, value in part.items():
                if not isinstance(value, list | bool):
                    most = "at most " if key == "outstanding" and not part["exact"] else ""
                    screen.print(f"  {key.replace('_', ' '):15} {most}{_short(value)}")
            if part.get("unwritten_partitions"):
                screen.print(Text(f"  {unwritten(part['unwritten_partitions'])}", style="yellow"))
            for why in part.get("damage") or []:
                screen.print(Text(f"  damaged: {why}", style="bold red"), soft_wrap=True)
            if part.get("shared_partitions"):
                screen.print(Text(f"  {_SHARED}", style="yellow"))


def unwritten(partitions: list[int]) -> str:
    """The partitions that no spout counts, and what to do."""
    named = ", ".join(map(str, partitions))
    which = f"partition {named} has" if len(partitions) == 1 else f"partitions {named} have"
    return f"{which} no writer. A running topology takes new ones within 10 s; `trends up topology` starts it"


def _servers_table(servers: list[Facts]) -> Any:
    from rich.table import Table

    table = Table("server", "state", "address", "memory", box=None, pad_edge=False)
    for each in servers:
        memory = f"{each['memory_mb']:,} MB" if each["memory_mb"] else ""
        table.add_row(each["name"], each["state"], each["address"], memory)
    return table


def _show_sources(screen: Any, sources: list[Facts]) -> None:
    from rich.table import Table

    table = Table("source", "state", "since", "behind", "gaps", box=None, pad_edge=False)
    for each in sources:
        behind = "" if each["behind_s"] is None else f"{each['behind_s']:,} s"
        gaps = f"{len(each['gaps']):,}, the last until {each['gaps'][-1]['until']}" if each["gaps"] else ""
        table.add_row(each["name"], each["state"], each["since"], behind, gaps)
    if sources:
        screen.print("", table)
    for each in sources:
        if each["why"]:
            why = printable(f"{each['where']} {each['why']}", _LONGEST)
            screen.print(f"  {each['name']}: {why}", soft_wrap=True)
        if each["state"] in ENDED_WRONG:
            step = f"start it again, or if it is not wanted any more: trends ingest dismiss {shlex.quote(each['name'])}"
            screen.print(f"  {step}", soft_wrap=True)


def _runs_table(runs: list[Facts]) -> Any:
    from rich.table import Table

    table = Table("last runs", "state", "hours", "posts", "started", "rule", box=None, pad_edge=False)
    for run in runs:
        hours = f"{run['hours_done']}/{run['hours_planned']}"
        table.add_row(run["kind"], run["state"], hours, f"{run['posts']:,}", run["started_at"], run["rule"])
    return table


def _short(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, dict):
        return ", ".join(f"{key} ({number})" for key, number in value.items()) or "none"
    return f"{value:,}" if isinstance(value, int) else str(value)
