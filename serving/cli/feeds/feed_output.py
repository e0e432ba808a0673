"""Output of `trends feed`: catalog, stages, rows and recounts, for terminal, JSON and CSV."""

import csv
import json
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from config.errors import TrendsError
from config.quantity import quantity
from config.terminal_text import printable
from serving.cli.consoles import console

if TYPE_CHECKING:  # sinks' libraries load when a command needs them
    from batch_layer.feeds.feed_check import FeedCheck
    from batch_layer.feeds.feed_verify import SinkRecount
    from batch_layer.feeds.rebuild import RebuildPlan
    from batch_layer.feeds.stage_model import StageStatus
    from batch_layer.sinks.contract import Standing
    from ingest.feeds.declaration.adoption import Adopted
    from ingest.feeds.declaration.catalog import Catalog

_LONGEST = 60
"""Characters of a cell in a table; --json and --csv have all."""


def show_catalog(catalog: "Catalog", as_json: bool) -> None:
    """Each feed: where its records come from, their topic and sinks. A file that is wrong says why."""
    from rich.table import Table

    rows = [_entry(catalog, name) for name in catalog.names()]
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False))
        return
    table = Table("feed", "source", "topic", "sinks", "about", box=None)
    for row in rows:
        sinks = ", ".join(row["sinks"])
        table.add_row(row["name"], row["source"] or "–", row["topic"] or "–", sinks, row["error"] or row["about"])
    console().print(table)


def _entry(catalog: "Catalog", name: str) -> dict[str, Any]:
    try:
        feed = catalog.feed(name, {}, lenient=True).declaration
    except TrendsError as error:
        return {"name": name, "source": "", "topic": "", "sinks": [], "about": "", "error": str(error)}
    return {
        "name": name,
        "source": feed.source.type if feed.source else "",
        "topic": feed.topic.name if feed.topic else "",
        "sinks": list(feed.sinks),
        "about": feed.about,
        "error": "",
    }


def show_check(found: "FeedCheck", as_json: bool) -> None:
    """A line for each finding of `trends feed check`, and below it the guarantee of a sink."""
    if as_json:
        findings = [finding._asdict() for finding in found.findings]
        document = {"name": found.name, "about": found.about, "ok": found.is_right, "findings": findings}
        click.echo(json.dumps(document, ensure_ascii=False))
        return
    click.echo(f"{found.name}: {found.about}")
    width = max(len(each.part) for each in found.findings)
    for each in found.findings:
        mark = "WRONG: " if each.wrong else ""
        click.echo(f"  {each.part:{width}}  {mark}{printable(each.what, 300)}")
        if each.guarantee:
            click.echo(f"  {'':{width}}  {each.guarantee}")


def say_adopted(keys: "Sequence[Adopted]") -> None:
    """What became of each key of a recipe's files."""
    for each in keys:
        click.echo(f"{each.file}: {each.key}: {each.became or 'unknown, left out'}", err=True)


def show_stages(stages: "Sequence[StageStatus]") -> None:
    """A line for each stage, and under the table the reasons of those that wait or fail."""
    from rich.table import Table

    table = Table(
        "stage", "state", "behind", "kept", "rejected", "left out", "gaps", "last commit", box=None, pad_edge=False
    )
    for each in stages:
        numbers = (each.behind, each.kept, each.rejected, each.left_out, each.lost)
        shown = ["–" if number is None else f"{number:,}" for number in numbers]
        table.add_row(each.stage, each.state, *shown, each.committed_at or "–")
    console().print(table)
    for each in stages:
        if each.error:
            click.echo(f"  {each.stage}: {printable(each.error, 500)}")
        elif each.why:
            click.echo(f"  {each.stage}, since {each.since}: {printable(each.why, 500)}")


def show_recount(found: "Sequence[SinkRecount]") -> None:
    """A line for each sink, and under the table what does not add up."""
    from rich.table import Table

    table = Table("sink", "accepted", "kept", "rejected", "left out", "gaps", "", box=None, pad_edge=False)
    for each in found:
        if each.not_compared:
            table.add_row(each.sink, *["–"] * 5, "not compared")
            continue
        numbers = (each.accepted, each.kept, each.rejected, each.left_out, each.lost)
        verdict = "WRONG" if each.wrong else "adds up, each offset once"
        table.add_row(each.sink, *(f"{number:,}" for number in numbers), verdict)
    console().print(table)
    for each in found:
        for sentence in each.wrong:
            click.echo(f"  {each.sink}: {sentence}")
        if each.not_compared:
            click.echo(f"  {each.sink}: {printable(each.not_compared, 500)}")


def show_rows(rows: Sequence[Mapping[str, Any]], *, as_csv: bool, as_json: bool) -> None:
    """Rows of a sink. Times are ISO 8601; bytes are UTF-8, where they are text."""
    texts = [{name: _plain(value) for name, value in row.items()} for row in rows]
    if as_json:
        click.echo(json.dumps(texts, ensure_ascii=False))
    elif as_csv and texts:
        writer = csv.DictWriter(sys.stdout, list(texts[0]))
        writer.writeheader()
        writer.writerows(texts)
    elif texts:
        from rich.table import Table

        table = Table(box=None, pad_edge=False)
        for name in texts[0]:
            table.add_column(name, no_wrap=True, overflow="ellipsis")
        for row in texts:
            table.add_row(*("–" if value is None else printable(str(value), _LONGEST) for value in row.values()))
        console().print(table)
    if not texts:
        click.echo("No rows yet", err=True)


def rebuild_text(plan: "RebuildPlan") -> str:
    """What a rebuild does, in a sentence."""
    lost = f"; {quantity(plan.lost, 'record')} at most are nowhere any more" if plan.lost else ""
    return f"{plan.sink}: its {quantity(plan.rows, 'row')} go, and it is filled again from {plan.origin}{lost}"


def show_rebuilt(sink: str, now: "Standing") -> None:
    """What a sink has after a rebuild."""
    kept, rejected = quantity(now.kept, "row"), quantity(now.rejected, "reject")
    click.echo(f"{sink}: {kept}, {rejected}, {now.left_out:,} left out")


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, bytes):
        return value.decode(errors="backslashreplace")
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return json.dumps(value, ensure_ascii=False)
