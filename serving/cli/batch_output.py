"""Output of batch runs: the plan, the progress, the outcome. For terminal and JSON."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from config.quantity import quantity
from config.terminal_text import printable
from serving.cli.consoles import console

if TYPE_CHECKING:  # Spark is imported when a command needs it
    from batch_layer.plan import Plan
    from batch_layer.runs.outcome import Outcome

_MOST_LINES = 10
"""Hours in a table; `--json` has all."""


@contextmanager
def progress(hours: int) -> Iterator[Callable[[int, int], None]]:
    """A bar on a terminal, moved by calling it with hours and posts done."""
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("hours", markup=False),
        TimeElapsedColumn(),
    )
    screen = console(stderr=True)
    with Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal) as bar:
        task = bar.add_task("computing", total=hours)
        yield lambda done, posts: bar.update(task, completed=done, description=quantity(posts, "post"))


def say_plan(plan: "Plan", estimate_s: float | None) -> None:
    """Print the plan."""
    states = ", ".join(f"{count:,} {state}" for state, count in Counter(each.state for each in plan.hours).items())
    took = "time unknown until a first run" if estimate_s is None else f"about {estimate_s:,.0f} s"
    click.echo(
        f"{quantity(len(plan.hours), 'hour')} from {plan.hours[0].hour} to {plan.hours[-1].hour} ({states} now), "
        f"{quantity(plan.posts, 'post')}, rule {plan.rule.version}; {took}",
        err=True,
    )
    if plan.waiting:
        few = quantity(len(plan.waiting), "hour")
        click.echo(f"Skipped {few} from {plan.waiting[0]} on: not complete yet", err=True)


def plan_json(plan: "Plan", estimate_s: float | None) -> dict[str, Any]:
    """The plan as `{"posts","rule","estimate_s","waiting"}`."""
    waiting = [str(hour) for hour in plan.waiting]
    return {"posts": plan.posts, "rule": plan.rule.version, "estimate_s": estimate_s, "waiting": waiting}


def show(outcome: "Outcome | None", as_json: bool) -> None:
    """Print the outcome as tables or as JSON."""
    if as_json:
        click.echo(json.dumps(outcome_json(outcome), ensure_ascii=False))
        return
    if outcome is None:
        return
    table = Table("hour", "posts", "uses", "tags", "state")
    for each in outcome.hours[:_MOST_LINES]:
        state = "final" if each.complete else "provisional"
        table.add_row(str(each.hour), f"{each.posts:,}", f"{each.uses:,}", f"{each.tags:,}", state)
    _print(table, len(outcome.hours))
    if not outcome.changes:
        click.echo("No top 10 changed", err=True)
    else:
        changed = Table("hour", "entered the top 10", "left it")
        for change in outcome.changes[:_MOST_LINES]:
            entered, left = _tags(change.entered), _tags(change.left)
            changed.add_row(str(change.hour), entered or ("" if left else "(order only)"), left)
        _print(changed, len(outcome.changes))
    resumed = f", {outcome.resumed} by an earlier attempt" if outcome.resumed else ""
    refused = f", {outcome.refused} left to a newer run" if outcome.refused else ""
    click.echo(f"{quantity(len(outcome.hours), 'hour')} in {outcome.seconds:.1f} s{resumed}{refused}")


def outcome_json(outcome: "Outcome | None") -> dict[str, Any]:
    """The outcome as JSON; `run` is null if it wrote nothing."""
    if outcome is None:
        return {"run": None, "hours": [], "resumed": 0, "refused": 0, "changes": [], "seconds": 0.0}
    return {
        "run": outcome.run or None,
        "hours": [
            {"hour": str(each.hour), "posts": each.posts, "uses": each.uses, "tags": each.tags,
             "state": "final" if each.complete else "provisional"}
            for each in outcome.hours
        ],
        "resumed": outcome.resumed,
        "refused": outcome.refused,
        "changes": [
            {"hour": str(each.hour), "entered": list(each.entered), "left": list(each.left)}
            for each in outcome.changes
        ],
        "seconds": outcome.seconds,
    }  # fmt: skip


def _tags(tags: tuple[str, ...]) -> str:
    return " ".join(f"#{printable(tag)}" for tag in tags)


def _print(table: Table, of: int) -> None:
    console().print(table)
    if of > _MOST_LINES:
        click.echo(f"… and {of - _MOST_LINES} more (--json has all)")
