"""`trends batch`, `trends recompute`, `trends schedule`: the batch layer from the command line."""

import json
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click

from config.quantity import quantity
from config.settings import Settings
from ingest.hours import Hour, wall_clock
from ingest.rule.hashtags import Rule
from serving.cli.batch_output import outcome_json, plan_json, progress, say_plan, show
from serving.cli.options import json_option, settings_of, tz_option
from serving.query.time_expressions import parse

if TYPE_CHECKING:  # Spark is imported when a command needs it
    from batch_layer.plan import Plan
    from batch_layer.runner import BatchRunner
    from batch_layer.runs.outcome import Outcome


less_option = click.option(
    "--allow-less", is_flag=True, help="Also replace documents that cover more of the topic than the archive does now."
)


@click.group()
def batch() -> None:
    """Compute one hour, or all missing or dirty hours.

    \b
    Examples:
      trends batch run
      trends batch hour 2017-01-06T07
    """


@batch.command(name="run")
@json_option
@click.pass_context
def run_missing(ctx: click.Context, as_json: bool) -> None:
    """Compute every complete hour without a document, or with a provisional or dirty one.

    \b
    Examples:
      trends batch run
    """
    with _batch(ctx) as layer:
        plan = layer.plan_missing()
        if not plan.hours and not plan.stranded:
            click.echo(f"Nothing to compute: {_why_nothing(layer, plan)}", err=True)
            layer.tops.deliver()
        show(_run_plan(layer, plan, {}) if plan.hours else None, as_json)
        layer.check(plan)


@batch.command()
@click.argument("hour")
@less_option
@tz_option
@json_option
@click.pass_context
def hour(ctx: click.Context, hour: str, allow_less: bool, tz: ZoneInfo, as_json: bool) -> None:
    """Compute one hour now: 2017-01-06T07, monday-7h, now-1h.

    An incomplete hour gets a provisional answer; the next run after its completion computes it again.

    \b
    Examples:
      trends batch hour 2017-01-06T07
      trends batch hour now-1h --json
    """
    wanted = Hour.of(parse(hour, wall_clock(), tz))
    with _batch(ctx) as layer:
        plan = layer.plan_hour(wanted, allow_less=allow_less)
        layer.check(plan)
        if not plan.hours[0].complete:
            click.echo(f"{wanted} is not complete: its answer is provisional until a later run", err=True)
        show(_run_plan(layer, plan, {"allow_less": allow_less}), as_json)


@click.command()
@click.option("--since", metavar="TIME", help="First hour: monday-7h, 2017-01-06T07.")
@click.option("--until", metavar="TIME", help="End, exclusive.  [default: the last complete hour]")
@click.option("--all", "everything", is_flag=True, help="Compute the full history.")
@click.option("--reset", is_flag=True, help="With --all: delete all batch documents first.")
@click.option("--yes", is_flag=True, help="With --reset: skip the confirmation.")
@click.option("--dry-run", is_flag=True, help="Compute and compare, but write nothing.")
@click.option("--restart", is_flag=True, help="Start over, even if an earlier run of the same range can be resumed.")
@less_option
@tz_option
@json_option
@click.pass_context
def recompute(ctx: click.Context, /, tz: ZoneInfo, as_json: bool, **asked: Any) -> None:
    """Compute hours again from the archived posts, after correcting the rule.

    Computes and replaces every complete hour of the range that has posts. Prints a plan first, and at the end the tags
    that entered or left each hour's top 10. --dry-run prints the same and writes nothing. After a crash, the same
    command resumes with the unpublished hours.

    If a document covers more of the topic than the archive does now, manifests are missing, or this is another
    archive. The hour keeps its document then, and the command exits with 1; --allow-less replaces it.

    \b
    Examples:
      trends recompute --since monday-7h --dry-run
      trends recompute --since monday-7h --tz Europe/Paris
      trends recompute --since 2017-01-06T07 --until 2017-01-07 --json
      trends recompute --all --reset
    """
    _check(asked)
    since, until = (Hour.of(parse(asked[end], wall_clock(), tz)) if asked[end] else None for end in ("since", "until"))
    with _batch(ctx) as layer:
        from batch_layer.plan import Span

        plan = layer.plan_range(Span(since, until), allow_less=asked["allow_less"])
        if not plan.hours or asked["reset"]:
            layer.check(plan)
        estimate_s = layer.estimate_s(plan)
        say_plan(plan, estimate_s)
        if asked["reset"] and not asked["yes"] and not asked["dry_run"]:
            click.confirm("Delete all batch documents, and compute them again?", abort=True, err=True)
        outcome = _run_plan(layer, plan, asked)
        if as_json:
            click.echo(json.dumps(plan_json(plan, estimate_s) | outcome_json(outcome), ensure_ascii=False))
        else:
            show(outcome, as_json=False)
        if asked["dry_run"]:
            click.echo("Dry run: nothing changed", err=True)
        layer.check(plan)


@click.command()
@click.pass_context
def schedule(ctx: click.Context) -> None:
    """Compute hours as they become complete, and compact the archive, until stopped.

    \b
    Examples:
      trends schedule
    """
    from batch_layer.scheduling.schedule import Schedule

    _end_on_sigterm()
    Schedule(settings_of(ctx), _rule_now, wall_clock).run()


def _why_nothing(layer: "BatchRunner", plan: "Plan") -> str:
    """The reason for an empty plan."""
    hours = layer.ledger.hours()
    if not hours:
        return "the archive is empty. `trends archive --until-drained` archives all messages in Kafka"
    if not any(hour < plan.complete_until for hour in hours):
        return f"no archived hour is complete: the first is {hours[0]}, and complete hours end at {plan.complete_until}"
    return "every complete hour is final"


def _check(asked: dict[str, Any]) -> None:
    """Raise `UsageError` for options that exclude or need each other."""
    if asked["everything"] == bool(asked["since"]):
        raise click.UsageError("Pass either --since or --all")
    if asked["everything"] and asked["until"]:
        raise click.UsageError("--all excludes --until")
    if asked["reset"] and not asked["everything"]:
        raise click.UsageError("--reset needs --all")
    if asked["yes"] and not asked["reset"]:
        raise click.UsageError("--yes needs --reset")


@contextmanager
def _batch(ctx: click.Context) -> Iterator["BatchRunner"]:
    from batch_layer.runner import BatchRunner

    _end_on_sigterm()
    layer = BatchRunner(settings_of(ctx), _rule_now, wall_clock)
    try:
        yield layer
    finally:
        layer.close()


def _rule_now() -> Rule:
    """The rule of the current settings: a service that runs for weeks must not undo a later correction."""
    return Rule.from_settings(Settings.read().rule)


def _end_on_sigterm() -> None:
    """Handle SIGTERM like Ctrl-C: mark the run as abandoned, so that the next one resumes at once."""

    def end(*_: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, end)


def _run_plan(layer: "BatchRunner", plan: "Plan", asked: Mapping[str, Any]) -> "Outcome":
    """Run a plan, or preview it, with a progress bar on a terminal. If an hour fails, report the others."""
    import threading

    from batch_layer.runner import RunObserver
    from batch_layer.runs.outcome import PartlyDoneError

    with progress(len(plan.hours)) as tell:
        observer = RunObserver(threading.Event(), tell)
        less = bool(asked.get("allow_less"))
        try:
            if asked.get("dry_run"):
                return layer.preview(plan, observer=observer, allow_less=less)
            resume, reset = not asked.get("restart"), bool(asked.get("reset"))
            return layer.run(plan, observer=observer, resume=resume, reset=reset, allow_less=less)
        except PartlyDoneError as error:
            click.echo(f"computed: {quantity(len(error.outcome.hours), 'hour')}", err=True)
            raise
