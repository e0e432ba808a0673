"""`trends status`: servers, live sources, lag, archive, hours, runs and rejects."""

import json
import shlex
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from config.terminal_text import printable
from serving.answers.explanation import Unknown
from serving.cli.consoles import console
from serving.cli.feeds.feed_output import show_stages
from serving.cli.options import json_option, settings_of
from serving.status.collect import collect_status
from serving.status.health import ENDED_WRONG, is_wrong
from serving.status.model import (
    AlertsStatus,
    ArchiveStatus,
    RejectsStatus,
    RunStatus,
    SourceStatus,
    SpeedStatus,
    Status,
)

if TYPE_CHECKING:
    from config.stack.status import ServerState

_LONGEST = 200
"""Characters of a reason in the output."""
_SHARED = "several topologies write one partition: counts stay exact, but slow down. Stop one with `sparse kill`"


@click.command()
@json_option
@click.pass_context
def status(ctx: click.Context, as_json: bool) -> None:
    """Show servers, live sources, lag, the archive's watermark, hours by state, last runs and rejects.

    Exits with 1 if something is down. A live source that failed or died counts until you start it again or dismiss it
    (trends ingest dismiss).

    \b
    Examples:
      trends status
      trends status --json
    """
    current = collect_status(settings_of(ctx))
    if as_json:
        click.echo(json.dumps(current.to_json(), ensure_ascii=False))
    else:
        _show(current)
    ctx.exit(1 if any(is_wrong(name, part) for name, part in current.parts().items()) else 0)


def _show(current: Status) -> None:
    from rich.text import Text

    screen = console()
    for name, part in current.parts().items():
        if isinstance(part, Unknown):
            screen.print(Text(f"\n{name}", style="bold red"))
            screen.print(f"  {part.error}", soft_wrap=True)
        elif name == "servers":
            screen.print(_servers_table(part))
            for line in _other_stacks(part):
                screen.print(Text(line, style="yellow"), soft_wrap=True)
        elif (name == "tops" and not part.topic) or (name == "alerts" and not part.rules):
            continue
        elif name == "runs":
            screen.print("", _runs_table(part))
        elif name == "sources":
            _show_sources(screen, part)
        elif name == "feeds":
            for each in part:
                screen.print(Text(f"\nfeed {each.name}", style="bold"))
                screen.print(f"  {each.error}", soft_wrap=True) if each.error else show_stages(each.stages)
        else:
            _show_part(screen, name, part)


def _show_part(screen: Any, name: str, part: Any) -> None:
    """The figures of a part, a line each, and under them the problems."""
    from rich.text import Text

    screen.print(Text(f"\n{name}", style="bold"))
    for key, value in vars(part).items():
        if not isinstance(value, list | bool):
            most = "at most " if isinstance(part, RejectsStatus) and key == "outstanding" and not part.exact else ""
            screen.print(f"  {key.replace('_', ' '):15} {most}{_short(value)}")
    if isinstance(part, SpeedStatus) and part.unwritten_partitions:
        screen.print(Text(f"  {unwritten(part.unwritten_partitions)}", style="yellow"))
    if isinstance(part, SpeedStatus) and part.shared_partitions:
        screen.print(Text(f"  {_SHARED}", style="yellow"))
    if isinstance(part, AlertsStatus) and part.disabled:
        step = f"no receiver any more: {', '.join(part.disabled)}. `trends alerts test NAME` enables a rule again"
        screen.print(Text(f"  {step}", style="yellow"), soft_wrap=True)
    for why in part.damage if isinstance(part, ArchiveStatus) else ():
        screen.print(Text(f"  damaged: {why}", style="bold red"), soft_wrap=True)


def unwritten(partitions: list[int]) -> str:
    """A sentence about partitions without a spout, and the fix."""
    named = ", ".join(map(str, partitions))
    which = f"partition {named} has" if len(partitions) == 1 else f"partitions {named} have"
    return f"{which} no writer. A running topology takes new ones within 10 s; `trends up topology` starts it"


def _servers_table(servers: "list[ServerState]") -> Any:
    from rich.table import Table

    table = Table("server", "state", "address", "memory", box=None, pad_edge=False)
    for each in servers:
        memory = f"{each.memory_mb:,} MB" if each.memory_mb else ""
        table.add_row(each.name, each.state, each.address, memory)
    return table


def _other_stacks(servers: "list[ServerState]") -> Iterator[str]:
    """A sentence for each other stack that these addresses lead to."""
    for folder in sorted({each.other_stack for each in servers if each.other_stack}):
        names = ", ".join(each.name for each in servers if each.other_stack == folder)
        yield (
            f"  the stack in {folder} serves at the address of {names}: what follows is of its data. Work in its "
            "folder, or set stack.port_offset for a stack of your own"
        )


def _show_sources(screen: Any, sources: list[SourceStatus]) -> None:
    from rich.table import Table

    table = Table("source", "state", "since", "behind", "gaps", box=None, pad_edge=False)
    for each in sources:
        behind = "" if each.behind_s is None else f"{each.behind_s:,} s"
        gaps = f"{len(each.gaps):,}, the last until {each.gaps[-1].until}" if each.gaps else ""
        table.add_row(each.name, each.state, each.since, behind, gaps)
    if sources:
        screen.print("", table)
    for each in sources:
        if each.why:
            why = printable(f"{each.where} {each.why}", _LONGEST)
            screen.print(f"  {each.name}: {why}", soft_wrap=True)
        if each.state in ENDED_WRONG:
            step = f"start it again, or dismiss it: trends ingest dismiss {shlex.quote(each.name)}"
            screen.print(f"  {step}", soft_wrap=True)


def _runs_table(runs: list[RunStatus]) -> Any:
    from rich.table import Table

    table = Table("last runs", "state", "hours", "posts", "started", "rule", box=None, pad_edge=False)
    for run in runs:
        hours = f"{run.hours_done}/{run.hours_planned}"
        table.add_row(run.kind, run.state, hours, f"{run.posts:,}", run.started_at, run.rule)
    return table


def _short(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, dict):
        return ", ".join(f"{key} ({number})" for key, number in value.items()) or "none"
    return f"{value:,}" if isinstance(value, int) else str(value)
