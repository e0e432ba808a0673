"""`trends verify`: recounts and compares what both layers serve."""

import json
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import click

from config.errors import UsageError
from config.settings import Settings
from ingest.hours import Hour, wall_clock
from serving.cli.options import json_option, settings_of, tz_option
from serving.query.time_expressions import parse
from serving.views.documents import Kind

if TYPE_CHECKING:  # the archive's libraries are imported when the command runs
    from zoneinfo import ZoneInfo

    from batch_layer.checks.finding import Finding


@click.command()
@click.option("--hour", metavar="HOUR", help="One hour: 2017-01-06T07, monday-7h.")
@click.option("--all", "everything", is_flag=True, help="Every hour, and every offset of the archive.")
@click.option("--quiet", "-q", is_flag=True, help="Print failures only.")
@tz_option
@json_option
@click.pass_context
def verify(ctx: click.Context, hour: str | None, everything: bool, quiet: bool, tz: "ZoneInfo", as_json: bool) -> None:
    """Recount and compare, while everything runs.

    The archive against Kafka: manifests contiguous, each accepted offset archived or rejected once, files as committed.
    The batch layer against a recount of the archived posts. The speed layer against the posts as they were sent, where
    both have come to the end. Checks that can't be compared count separately. Exits with 1 if a check fails.

    \b
    Examples:
      trends verify --all
      trends verify --all --quiet
      trends verify --hour 2017-01-06T07 --json
    """
    if everything == (hour is not None):
        raise UsageError("give either --hour or --all", next_step="Example: trends verify --hour monday-7h")
    settings = settings_of(ctx)
    hours = None if hour is None else [Hour.of(parse(hour, wall_clock(), tz))]
    findings = list(_print_each(_findings(settings, hours), as_json, quiet))
    wrong = [finding for finding in findings if not finding.ok]
    apart = sum(not finding.compared for finding in findings)
    if as_json:
        told = [finding._asdict() for finding in findings if not (quiet and finding.ok)]
        counts = {"ok": not wrong, "checked": len(findings) - apart, "not_compared": apart}
        click.echo(json.dumps({**counts, "findings": told}, ensure_ascii=False))
    else:
        left_out = f", {apart:,} not compared" if apart else ""
        click.echo(f"{len(findings) - apart:,} checks, {len(wrong):,} failed{left_out}")
    ctx.exit(1 if wrong else 0)


def _findings(settings: Settings, hours: list[Hour] | None) -> "Iterator[Finding]":
    from batch_layer.checks.verify import verify_archive

    yield from verify_archive(settings, hours)
    yield from _views(settings, hours)


def _views(settings: Settings, hours: list[Hour] | None) -> "Iterator[Finding]":
    """Both layers against the archived posts, hour by hour."""
    from batch_layer.archive.reading.archives import Archives
    from batch_layer.archive.reading.ledger import ledger_of
    from batch_layer.checks.compare_views import Rules, ViewComparison
    from batch_layer.checks.recount import rules_by_version
    from ingest.rule.hashtags import Rule
    from serving.views.rulebook import entries
    from serving.views.store import Store

    rule = Rule.from_settings(settings.rule)
    kinds: tuple[Kind, ...] = ("hashtag", *settings.ingest.kinds)
    with Store(settings.mongo) as store:
        by_version = rules_by_version((entry.text for entry in entries(store).values()), rule)
        history = Archives(settings, store).history(ledger_of(settings), wall_clock())
        comparison = ViewComparison(store, history, Rules(rule, by_version), kinds, lambda: _settled(settings))
        for hour in history.hours() if hours is None else hours:
            yield from comparison.hour(hour)


def _settled(settings: Settings) -> bool:
    """Whether archive and speed layer have both reached the end of their topics."""
    from batch_layer.archive.reading.ledger import ledger_of
    from batch_layer.archive.reading.positions import positions
    from ingest.kafka.reading import drained
    from speed_layer.lag import caught_up

    archived = positions(settings.kafka, ledger_of(settings))
    return caught_up(settings) and drained(settings.kafka, settings.kafka.posts, archived) == archived.keys()


def _print_each(findings: "Iterable[Finding]", as_json: bool, quiet: bool) -> "Iterator[Finding]":
    """Print each finding as it comes."""
    for finding in findings:
        if not as_json and not (quiet and finding.ok):
            step = f". {finding.next_step}" if finding.next_step else ""
            mark = "FAIL " if not finding.ok else "ok   " if finding.compared else "-    "
            click.echo(f"{mark} {finding.where}: {finding.what}{step}")
        yield finding
