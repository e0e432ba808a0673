"""`trends status`: what runs, what is behind, what is complete, what was computed. What can't be asked says why."""

import json
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import Any

import click

from config.errors import TrendsError
from config.settings import Settings
from ingest.hours import Hour, millis
from serving import render
from serving.cli.options import json_option, now, settings_of

Facts = dict[str, Any]
_RUNS = 5
"""Runs that are shown."""


@click.command()
@json_option
@click.pass_context
def status(ctx: click.Context, as_json: bool) -> None:
    """Servers, lag of each group, the archive's watermark, hours by state, last runs.

    Exits with 1 if something does not answer or does not run.

    \b
    Examples:
      trends status
      trends status --json
    """
    settings = settings_of(ctx)
    parts: dict[str, Callable[[Settings], Any]] = {
        "servers": _servers,
        "speed": _speed,
        "archive": _archive,
        "hours": _hours,
        "runs": _runs,
    }
    with ThreadPoolExecutor(len(parts)) as threads:
        asked = {name: threads.submit(_tried, part, settings) for name, part in parts.items()}
    told = {name: answer.result() for name, answer in asked.items()}
    if as_json:
        click.echo(json.dumps(told, ensure_ascii=False))
    else:
        _show(told)
    ctx.exit(1 if any(_is_wrong(each) for each in told.values()) else 0)


def _tried(part: Callable[[Settings], Any], settings: Settings) -> Any:
    """A part's facts, or why there are none: one server that is down hides nothing else."""
    try:
        return part(settings)
    except TrendsError as error:
        return {"error": str(error)}


def _is_wrong(part: Any) -> bool:
    if isinstance(part, list):
        return any(each["state"] in ("failed", "stopped", "silent") for each in part if "memory_mb" in each)
    return isinstance(part, dict) and "error" in part


def _servers(settings: Settings) -> list[Facts]:
    from config.stack.states import asked

    return [asdict(each) for each in asked(settings)]


def _speed(settings: Settings) -> Facts:
    from speed_layer.lag import speed_lag

    lags = speed_lag(settings)
    return {
        "topic": settings.kafka.hashtags,
        "behind": sum(lag.behind for lag in lags),
        "partitions": [{"partition": lag.partition, "next": lag.next, "behind": lag.behind} for lag in lags],
    }


def _archive(settings: Settings) -> Facts:
    from batch_layer.archive.lag import archive_lag
    from batch_layer.archive.upkeep import ledger_of
    from batch_layer.archive.watermark import complete_until

    ledger = ledger_of(settings)
    behind = archive_lag(settings.kafka, ledger)
    hours = ledger.hours()
    return {
        "topic": settings.kafka.posts,
        "group": settings.kafka.archive_group,
        "behind": sum(behind.values()),
        "posts": sum(ledger.posts(hour) for hour in hours),
        "hours": len(hours),
        "files": sum(len(ledger.parts(hour)) for hour in hours),
        "complete_until": str(complete_until(ledger, settings.kafka, settings.archive, now())),
        "partitions": [
            {"partition": number, "next": position, "behind": behind.get(number, 0)}
            for number, position in enumerate(ledger.covered)
        ],
    }


def _hours(settings: Settings) -> Facts:
    from serving.query import batch_view
    from serving.store import Store

    with Store(settings.mongo) as store:
        documents = store.batch_documents(Hour(0), Hour.parse("9999-12-31T23"))
        with store.snapshot() as snapshot:
            speed = set(snapshot.hours("speed"))
    views = [batch_view({**document, "top": []}) for document in documents]
    states = Counter(view.state for view in views)
    live = speed - {view.hour for view in views}
    rules = Counter(view.rule for view in views)
    return {
        "live": len(live),
        "provisional": states["provisional"],
        "final": states["final"],
        "newest": str(max({*live, *(view.hour for view in views)}, default="")),
        "rules": dict(rules),
    }


def _runs(settings: Settings) -> list[Facts]:
    from serving.store import Store, told
    from serving.views import RUNS

    wanted = ("kind", "state", "since", "until", "rule", "hours_done", "hours_planned", "posts", "started_at", "error")
    with Store(settings.mongo) as store, told():
        runs = store.collection(RUNS).find(projection=wanted).sort("token", -1).limit(_RUNS)
        return [{**run, "started_at": render.iso(millis(run["started_at"]))} for run in runs]


def _show(told: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.markup import escape

    console = Console()
    for name, part in told.items():
        if isinstance(part, dict) and "error" in part:
            console.print(f"\n[bold red]{name}[/]\n  {escape(part['error'])}", highlight=False, soft_wrap=True)
        elif name == "servers":
            console.print(_servers_table(part))
        elif name == "runs":
            console.print("", _runs_table(part))
        else:
            console.print(f"\n[bold]{name}[/]", highlight=False)
            for key, value in part.items():
                if not isinstance(value, list):
                    console.print(f"  {key.replace('_', ' '):15} {_short(value)}", highlight=False)


def _servers_table(servers: list[Facts]) -> Any:
    from rich.table import Table

    table = Table("server", "state", "address", "memory", box=None, pad_edge=False)
    for each in servers:
        memory = f"{each['memory_mb']:,} MB" if each["memory_mb"] else ""
        table.add_row(each["name"], each["state"], each["address"], memory)
    return table


def _runs_table(runs: list[Facts]) -> Any:
    from rich.table import Table

    table = Table("last runs", "state", "hours", "posts", "started", "rule", box=None, pad_edge=False)
    for run in runs:
        hours = f"{run['hours_done']}/{run['hours_planned']}"
        table.add_row(run["kind"], run["state"], hours, f"{run['posts']:,}", run["started_at"], run["rule"])
    return table


def _short(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} ({number})" for key, number in value.items()) or "none"
    return f"{value:,}" if isinstance(value, int) else str(value)
