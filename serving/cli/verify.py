"""`trends verify`: what is served, counted again by other means."""

import json
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import click

from config.errors import UsageError
from config.settings import Settings
from ingest.hours import Hour
from serving.cli.options import json_option, now, settings_of, tz_option
from serving.moments import parse
from serving.views import Kind

if TYPE_CHECKING:  # the archive's libraries are imported when the command runs
    from zoneinfo import ZoneInfo

    from batch_layer.archive.verify import Finding


@click.command()
@click.option("--hour", metavar="HOUR", help="One hour: 2017-01-06T07, monday-7h.")
@click.option("--all", "everything", is_flag=True, help="Every hour, and every offset of the archive.")
@tz_option
@json_option
@click.pass_context
def verify(ctx: click.Context, hour: str | None, everything: bool, tz: "ZoneInfo", as_json: bool) -> None:
    """Recount and compare.

    The archive against Kafka: manifests contiguous, each accepted offset archived or rejected once, files as committed.
    The batch layer against a recount of the archived posts. The speed layer against the posts as they were sent, where
    both have come to the end. Exits with 1 if anything is wrong.

    \b
    Examples:
      trends verify --all
      trends verify --hour 2017-01-06T07 --json
    """
    if everything == (hour is not None):
        raise UsageError("give either --hour or --all", next_step="Example: trends verify --hour monday-7h")
    settings = settings_of(ctx)
    hours = None if hour is None else [Hour.of(parse(hour, now(), tz))]
    findings = list(_told(_findings(settings, hours), as_json))
    wrong = [finding for finding in findings if not finding.ok]
    if as_json:
        told = [finding._asdict() for finding in findings]
        click.echo(json.dumps({"ok": not wrong, "checked": len(findings), "findings": told}, ensure_ascii=False))
    else:
        click.echo(f"{len(findings):,} things checked, {len(wrong):,} wrong")
    ctx.exit(1 if wrong else 0)


def _findings(settings: Settings, hours: list[Hour] | None) -> "Iterator[Finding]":
    from batch_layer.archive.verify import verify_archive

    yield from verify_archive(settings, hours)
    yield from _views(settings, hours)


def _views(settings: Settings, hours: list[Hour] | None) -> "Iterator[Finding]":
    """Both layers against the archived posts, hour by hour."""
    from batch_layer.archive.archives import Archives
    from batch_layer.archive.upkeep import ledger_of
    from batch_layer.archive.verify import Finding
    from batch_layer.recount import compare_batch, compare_lens, compare_speed_by_any, rules_by_version
    from ingest.hashtags import Rule
    from serving.rulebook import entries
    from serving.store import Store

    rule = Rule.corrected(settings.rule.ignore, settings.rule.aliases)
    kinds: tuple[Kind, ...] = ("hashtag", *settings.ingest.kinds)
    with Store(settings.mongo) as store:
        settled = _settled(settings)
        by_version = rules_by_version((entry.text for entry in entries(store).values()), rule)
        history = Archives(settings, store).history(ledger_of(settings), now())
        for hour in history.hours() if hours is None else hours:
            with store.snapshot() as snapshot:
                document = snapshot.batch([hour]).get(str(hour))
                lenses = snapshot.lenses_of(hour)
                speed = {kind: snapshot.speed_rows(hour, kind=kind) for kind in kinds} if document is None else {}
            if document is not None:
                posts = list(history.records(hour))
                made_by = by_version.get(document["rule"], rule)
                yield compare_batch(document, posts, made_by)
                yield from (compare_lens(each, document, posts, made_by) for each in lenses)
            elif settled:
                posts = list(history.records(hour))
                rules = (rule, *by_version.values())
                for kind, rows in speed.items():
                    counts = {row.tag: row.count for row in rows}
                    yield compare_speed_by_any(str(hour), counts, posts, rules, kind)
            else:
                yield Finding(True, "posts are still on their way: the speed layer was not compared", str(hour))


def _settled(settings: Settings) -> bool:
    """Whether archive and speed layer have both come to the end of what was produced."""
    from batch_layer.archive.positions import positions
    from batch_layer.archive.upkeep import ledger_of
    from batch_layer.archive.watermark import drained
    from speed_layer.lag import caught_up

    archived = positions(settings.kafka, ledger_of(settings))
    return caught_up(settings) and drained(settings.kafka, archived) == archived.keys()


def _told(findings: "Iterable[Finding]", as_json: bool) -> "Iterator[Finding]":
    """Tell each finding as it comes: what is wrong on standard output, the rest on standard error."""
    for finding in findings:
        if not as_json:
            step = f". {finding.next_step}" if finding.next_step else ""
            click.echo(f"{'ok   ' if finding.ok else 'WRONG'} {finding.where}: {finding.what}{step}", err=finding.ok)
        yield finding
