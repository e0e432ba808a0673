"""`trends batch`, `trends recompute`, `trends schedule`: the batch layer from the command line."""

import json
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from config.settings import Settings
from ingest.hashtags import Rule
from ingest.hours import Hour
from serving.cli.options import json_option, now, settings_of, tz_option
from serving.moments import parse
from serving.render import printable

if TYPE_CHECKING:  # Spark is imported when a command needs it
    from batch_layer.plan import Plan
    from batch_layer.recompute import Batch, Outcome

_MOST_LINES = 10
"""Hours in a table; `--json` has all."""


@click.group()
def batch() -> None:
    """Compute one hour, or all that are missing or dirty.

    \b
    Examples:
      trends batch run
      trends batch hour 2017-01-06T07
    """


@batch.command(name="run")
@json_option
@click.pass_context
def run_missing(ctx: click.Context, as_json: bool) -> None:
    """Compute every complete hour that has no document, or a provisional or dirty one.

    \b
    Examples:
      trends batch run
    """
    with _batch(ctx) as layer:
        plan = layer.plan_missing()
        if not plan.hours:
            click.echo("Nothing to compute: every complete hour is final", err=True)
        show(_computed(layer, plan) if plan.hours else None, as_json)


@batch.command()
@click.argument("hour")
@tz_option
@json_option
@click.pass_context
def hour(ctx: click.Context, hour: str, tz: ZoneInfo, as_json: bool) -> None:
    """Compute one hour now: 2017-01-06T07, monday-7h, now-1h.

    An hour that is not complete yet becomes provisional, and is computed again once it is.

    \b
    Examples:
      trends batch hour 2017-01-06T07
      trends batch hour now-1h --json
    """
    wanted = Hour.of(parse(hour, now(), tz))
    with _batch(ctx) as layer:
        plan = layer.plan_hour(wanted)
        if not plan.hours[0].complete:
            click.echo(f"{wanted} is not complete: its answer is provisional, and computed again once it is", err=True)
        show(_computed(layer, plan), as_json)


@click.command()
@click.option("--since", metavar="TIME", help="From the hour of this moment on: monday-7h, 2017-01-06T07.")
@click.option("--until", metavar="TIME", help="To this moment, exclusive. As far as hours are complete by default.")
@click.option("--all", "everything", is_flag=True, help="The full history.")
@click.option("--reset", is_flag=True, help="With --all: empty the batch documents first.")
@click.option("--yes", is_flag=True, help="With --reset: do not ask.")
@click.option("--dry-run", is_flag=True, help="Say what would be computed, and stop.")
@click.option("--restart", is_flag=True, help="Begin anew where an earlier run of the same range did not end.")
@tz_option
@json_option
@click.pass_context
def recompute(ctx: click.Context, /, tz: ZoneInfo, as_json: bool, **asked: Any) -> None:
    """Compute hours again from the archived posts, after the rule was corrected.

    Every complete hour of the range that has posts is computed and replaced; hours outside it stay as they are. A run
    that died goes on with the hours that it had not published.

    \b
    Examples:
      trends recompute --since monday-7h --dry-run
      trends recompute --since monday-7h --tz Europe/Paris
      trends recompute --since 2017-01-06T07 --until 2017-01-07 --json
      trends recompute --all --reset
    """
    _check(asked)
    since, until = (Hour.of(parse(asked[end], now(), tz)) if asked[end] else None for end in ("since", "until"))
    with _batch(ctx) as layer:
        from batch_layer.plan import Span

        plan = layer.plan_range(Span(since, until))
        _say_waiting(plan)
        if asked["dry_run"]:
            _show_plan(plan, layer.estimate_s(plan), as_json)
            return
        if asked["reset"] and not asked["yes"]:
            click.confirm("Empty all batch documents, and compute them again?", abort=True, err=True)
        show(_computed(layer, plan, resume=not asked["restart"], reset=asked["reset"]), as_json)


@click.command()
@click.pass_context
def schedule(ctx: click.Context) -> None:
    """Compute hours as they become complete, and compact the archive, until stopped.

    \b
    Examples:
      trends schedule
    """
    from batch_layer.schedule import Schedule

    _end_on_sigterm()
    Schedule(settings_of(ctx), _rule_now, now).run()


def _check(asked: dict[str, Any]) -> None:
    """Options that exclude or need each other."""
    if asked["everything"] == bool(asked["since"]):
        raise click.UsageError("Give either --since or --all")
    if asked["everything"] and asked["until"]:
        raise click.UsageError("--all has no --until")
    if asked["reset"] and not asked["everything"]:
        raise click.UsageError("--reset empties all hours: it goes with --all")
    if asked["yes"] and not asked["reset"]:
        raise click.UsageError("--yes answers what --reset asks")


@contextmanager
def _batch(ctx: click.Context) -> Iterator["Batch"]:
    from batch_layer.recompute import Batch

    _end_on_sigterm()
    layer = Batch(settings_of(ctx), _rule_now, now)
    try:
        yield layer
    finally:
        layer.close()


def _rule_now() -> Rule:
    """The rule as the settings say now: a service that runs for weeks must not undo a correction made meanwhile."""
    corrections = Settings.read().rule
    return Rule.corrected(corrections.ignore, corrections.aliases)


def _end_on_sigterm() -> None:
    """Being terminated ends as Ctrl-C does: the run is marked as given up, so that the next one goes on at once."""

    def end(*_: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, end)


def _computed(layer: "Batch", plan: "Plan", **how: bool) -> "Outcome":
    """Run a plan, with a progress bar on a terminal. What was computed is shown even where some hour failed."""
    import threading

    from batch_layer.recompute import PartlyDoneError, Watch

    with _progress(len(plan.hours)) as tell:
        try:
            return layer.run(plan, watch=Watch(threading.Event(), tell), **how)
        except PartlyDoneError as error:
            click.echo(f"{len(error.outcome.hours)} hours were computed", err=True)
            raise


@contextmanager
def _progress(hours: int) -> Iterator[Callable[[int, int], None]]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("hours"),
        TimeElapsedColumn(),
    )
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("computing", total=hours)
        yield lambda done, posts: bar.update(task, completed=done, description=f"{posts:,} posts")


def _say_waiting(plan: "Plan") -> None:
    if plan.waiting:
        first = plan.waiting[0]
        click.echo(f"{len(plan.waiting)} hour(s) from {first} on are not complete yet, and are left out", err=True)


def _show_plan(plan: "Plan", estimate_s: float | None, as_json: bool) -> None:
    if as_json:
        hours = [{"hour": str(each.hour), "posts": each.posts, "state": each.state} for each in plan.hours]
        told = {"hours": hours, "posts": plan.posts, "rule": plan.rule.version, "estimate_s": estimate_s}
        click.echo(json.dumps(told | {"waiting": [str(each) for each in plan.waiting]}))
        return
    table = Table("hour", "posts", "state now")
    for each in plan.hours[:_MOST_LINES]:
        table.add_row(str(each.hour), f"{each.posts:,}", each.state)
    _print(table, len(plan.hours))
    took = "unknown: nothing has been computed yet" if estimate_s is None else f"about {estimate_s:,.0f} s"
    click.echo(f"{len(plan.hours)} hours, {plan.posts:,} posts, rule {plan.rule.version}; time: {took}")


def show(outcome: "Outcome | None", as_json: bool) -> None:
    """What a run did, as tables or as JSON."""
    if as_json:
        click.echo(json.dumps(_outcome_json(outcome), ensure_ascii=False))
        return
    if outcome is None:
        return
    table = Table("hour", "posts", "uses", "tags", "state")
    for each in outcome.hours[:_MOST_LINES]:
        state = "final" if each.complete else "provisional"
        table.add_row(str(each.hour), f"{each.posts:,}", f"{each.uses:,}", f"{each.tags:,}", state)
    _print(table, len(outcome.hours))
    if outcome.changes:
        changed = Table("hour", "entered the top 10", "left it")
        for change in outcome.changes[:_MOST_LINES]:
            entered, left = _tags(change.entered), _tags(change.left)
            changed.add_row(str(change.hour), entered or ("" if left else "(order only)"), left)
        _print(changed, len(outcome.changes))
    resumed = f", {outcome.resumed} by an earlier attempt" if outcome.resumed else ""
    refused = f", {outcome.refused} left to a newer run" if outcome.refused else ""
    click.echo(f"{len(outcome.hours)} hours in {outcome.seconds:.1f} s{resumed}{refused}")


def _outcome_json(outcome: "Outcome | None") -> dict[str, Any]:
    if outcome is None:
        return {"run": None, "hours": [], "resumed": 0, "refused": 0, "changes": [], "seconds": 0.0}
    return {
        "run": outcome.run,
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
    Console().print(table)
    if of > _MOST_LINES:
        click.echo(f"… and {of - _MOST_LINES} more (--json has all)")
