"""`trends alerts`: webhooks for rising tags."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click

from config.errors import NoDataError, TrendsError, UsageError
from config.quantity import quantity
from config.terminal_text import printable
from ingest.hours import iso, millis, wall_clock
from serving.cli.consoles import console
from serving.cli.options import json_option, resolver_of, settings_of, tz_option
from serving.cli.signals import stopping

if TYPE_CHECKING:
    from serving.alerts.service import Alerts

_LAST = 20
"""Deliveries that the list shows."""


@click.group()
def alerts() -> None:
    """Send rising tags to webhooks: rules are tables [alerts.rules.NAME] of trends.toml.

    \b
    Examples:
      trends alerts run
      trends alerts check --hour monday-7h
      trends alerts list
    """


@alerts.command()
@click.pass_context
def run(ctx: click.Context) -> None:
    """Follow finished hours and deliver messages until Ctrl-C. Several may run at once.

    \b
    Examples:
      trends alerts run
    """
    logging.getLogger().setLevel(logging.INFO)
    with stopping() as stop, _alerts(ctx) as service:
        service.run(stop)


@alerts.command()
@click.option("--hour", metavar="TIME", help="2017-01-06T07, monday-7h.  [default: the last finished hour]")
@tz_option
@json_option
@click.pass_context
def check(ctx: click.Context, hour: str | None, tz: ZoneInfo, as_json: bool) -> None:
    """Print what each rule would send about an hour. Sends and writes nothing.

    \b
    Examples:
      trends alerts check
      trends alerts check --hour 2017-01-06T07 --json
    """
    with _alerts(ctx) as service:
        wanted = resolver_of(tz).hour(hour) if hour else service.newest()
        if wanted is None:
            raise NoDataError("no hour is finished yet", next_step="`trends batch run` computes complete hours")
        found = [service.evaluate(name, wanted) for name in service.settings.rules]
    if as_json:
        messages = {each.rule: json.loads(each.body) if each.body else None for each in found}
        click.echo(json.dumps({"hour": str(wanted), "messages": messages}))
        return
    for each in found:
        names = ", ".join(printable(tag) for tag in each.tags) or "nothing"
        click.echo(f"{each.rule}: {names}")
        if each.body:
            click.echo(f"  {each.body}")


@alerts.command()
@click.argument("name")
@json_option
@click.pass_context
def test(ctx: click.Context, name: str, as_json: bool) -> None:
    """Send one test message to the receiver of a rule, and print its answer. Exits with 1 unless it takes it.

    \b
    Examples:
      trends alerts test paris
    """
    from serving.alerts.attempt import host_of

    with _alerts(ctx) as service:
        if name not in service.settings.rules:
            raise UsageError(f"no rule {name[:64]!r}", next_step=f"There are {', '.join(service.settings.rules)}")
        answer, host = service.trial(name), host_of(service.settings.rules[name])
    if as_json:
        click.echo(json.dumps({"rule": name, "host": host, "verdict": answer.verdict, "status": answer.status,
                               "error": answer.error}))  # fmt: skip
    elif answer.verdict == "delivered":
        click.echo(f"{host} took it: {answer.status}")
    if answer.verdict != "delivered":
        raise TrendsError(answer.error, where=host, next_step="See docs/alerts.md for the answers that count")


@alerts.command(name="list")
@json_option
@click.pass_context
def list_alerts(ctx: click.Context, as_json: bool) -> None:
    """Show the rules and their last deliveries.

    \b
    Examples:
      trends alerts list
      trends alerts list --json
    """
    with _alerts(ctx) as service:
        rules = [_rule(service, name) for name in service.settings.rules]
        deliveries = [_delivery(each) for each in service.deliveries.last(_LAST)]
    if as_json:
        click.echo(json.dumps({"rules": rules, "deliveries": deliveries}, ensure_ascii=False))
        return
    _show(rules, ("name", "host", "state", "kind", "least", "uses", "quiet_s"))
    _show(deliveries, ("rule", "hour", "state", "attempts", "status", "tags", "error"))
    click.echo(f"{quantity(len(rules), 'rule')}, the last {quantity(len(deliveries), 'message')}", err=True)


@contextmanager
def _alerts(ctx: click.Context) -> Iterator["Alerts"]:
    from serving.alerts.service import Alerts
    from serving.views.store import Store

    settings = settings_of(ctx)
    if not settings.alerts.rules:
        step = "Write a table [alerts.rules.NAME] with url and secret into trends.toml: see docs/alerts.md"
        raise UsageError("no rule", where="alerts.rules", next_step=step)
    with Store(settings.mongo) as store:
        store.prepare()
        yield Alerts(settings.alerts, store, wall_clock)


def _rule(service: "Alerts", name: str) -> dict[str, Any]:
    """A rule without its secret, and without the path of its address."""
    from serving.alerts.attempt import host_of

    rule = service.settings.rules[name]
    state = "disabled" if service.deliveries.is_disabled(name, rule) else "active"
    shown = rule.model_dump(mode="json", exclude={"url", "secret"})
    return {"name": name, "host": host_of(rule), "state": state, **shown}


def _delivery(document: dict[str, Any]) -> dict[str, Any]:
    times = {name: document.get(name) for name in ("created_at", "next_at", "ended_at")}
    fields = ("rule", "hour", "state", "attempts", "status", "error", "tags")
    return {
        "id": document["_id"],
        **{name: document.get(name) for name in fields},
        **{name: at and iso(millis(at)) for name, at in times.items()},
    }


def _show(rows: list[dict[str, Any]], columns: tuple[str, ...]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(*(name.replace("_", " ") for name in columns), box=None, pad_edge=False)
    for row in rows:
        table.add_row(*(Text(_cell(row[name])) for name in columns))
    console().print(table)


def _cell(value: Any) -> str:
    if isinstance(value, list):
        return printable(", ".join(map(str, value)), 60)
    return "" if value is None else printable(str(value), 80)
