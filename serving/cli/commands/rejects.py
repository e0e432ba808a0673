"""`trends rejects`: list, show, retry and dismiss the records that could not be read."""

import base64
import json
import re
import threading
from typing import TYPE_CHECKING, Any

import click

from config.errors import UsageError
from config.quantity import quantity
from config.terminal_text import printable
from ingest.hours import wall_clock
from serving.cli.options import json_option, settings_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from config.settings import Settings
    from ingest.feeds.declaration.model import NamedFeed
    from ingest.post_encoder import PostEncoder
    from ingest.rejects.reject import ParkedReject
    from ingest.rejects.stage import ReadAgain
    from serving.cli.ingest.ingest_runner import Clock

STAGES = ("ingest", "archive", "speed")
"""The stages of posts."""
SHOWN = 60
"""Characters of the bytes that a list shows."""
_PLACE = re.compile(r"(\d{1,6})@(\d{1,19})", re.ASCII)
_OF_FEED = re.compile(r"feed(/[a-z_][a-z0-9_]*){1,2}", re.ASCII)


class Stage(click.ParamType[str]):
    """A stage of posts, or of a feed: `feed/weather` is its source, `feed/weather/hdfs` a sink."""

    name = f"[{'|'.join(STAGES)}|feed/NAME|feed/NAME/SINK]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Its name."""
        if value not in STAGES and not _OF_FEED.fullmatch(str(value)):
            self.fail(f"{value!r} is no stage; there are {', '.join(STAGES)}, feed/NAME and feed/NAME/SINK", param, ctx)
        return str(value)


@click.group()
def rejects() -> None:
    """Manage the records that could not be read.

    \b
    Examples:
      trends rejects list
      trends rejects show 0@12
      trends rejects retry
      trends rejects dismiss 0@12
    """


@rejects.command("list")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(0), help="Maximum number; 0 for all.")
@click.option("--stage", type=Stage(), help="Only rejects of this stage.")
@json_option
@click.pass_context
def list_(ctx: click.Context, limit: int, stage: str | None, as_json: bool) -> None:
    """List outstanding rejects by partition and offset. JSON includes the time of the first rejection.

    \b
    Examples:
      trends rejects list
      trends rejects list --stage ingest --json
    """
    from ingest.rejects.reject import outstanding_rejects

    shown = count = 0
    for parked in outstanding_rejects(settings_of(ctx).kafka):
        if stage and parked.reject.stage != stage:
            continue
        count += 1
        if not limit or shown < limit:
            shown += 1
            click.echo(json.dumps(_to_json(parked)) if as_json else _line(parked))
    click.echo(f"{shown:,} of {quantity(count, 'reject')}" if count else "No rejects", err=True)


@rejects.command()
@click.argument("place", metavar="PARTITION@OFFSET")
@json_option
@click.pass_context
def show(ctx: click.Context, place: str, as_json: bool) -> None:
    """Show one reject in full.

    \b
    Examples:
      trends rejects show 0@12
    """
    from ingest.rejects.reject import reject_at

    parked = reject_at(settings_of(ctx).kafka, *_place(place))
    told = _to_json(parked)
    if as_json:
        click.echo(json.dumps(told | {"base64": base64.b64encode(parked.reject.raw).decode()}))
        return
    for name, value in told.items():
        click.echo(f"{name:9} {value}")


@rejects.command()
@click.option("--set", "values", multiple=True, metavar="NAME=VALUE",
              help="Value of a variable, for the feeds that have it; repeatable.")  # fmt: skip
@json_option
@click.pass_context
def retry(ctx: click.Context, values: tuple[str, ...], as_json: bool) -> None:
    """Read outstanding rejects again, write those that succeed, and keep the others.

    The files of feeds say how to read theirs: correct one, and retry.

    \b
    Examples:
      trends rejects retry
      trends rejects retry --set tag=bigdata
    """
    from serving.cli.signals import stopping

    with stopping() as stop:
        done = _run_retry(ctx, stop, values)
    if as_json:
        click.echo(json.dumps(done))
    click.echo(
        f"{done['settled']:,} of {done['retried']:,} retried rejects settled: {quantity(done['posts'], 'post')} and "
        f"{quantity(done['uses'], 'use')} written; {done['failing']:,} still failing",
        err=True,
    )


def _run_retry(ctx: click.Context, stop: threading.Event, values: tuple[str, ...]) -> dict[str, int]:
    from ingest.feeds.feed_retry import FeedStages
    from ingest.post_encoder import PostEncoder
    from ingest.rejects.retry import Retry
    from serving.cli.ingest.ingest_runner import rule_of

    settings = settings_of(ctx)
    kafka, ingest = settings.kafka, settings.ingest
    encoder = PostEncoder(kafka, ingest, rule_of(settings))
    of_feeds = FeedStages(settings, _finder(settings, values), wall_clock)
    return Retry(kafka, ingest, encoder, stages(settings, encoder, wall_clock), of_feeds.find).run(stop)._asdict()


def _finder(settings: "Settings", values: tuple[str, ...]) -> "Callable[[str], NamedFeed]":
    """Finds a feed by its name. It gets the values of those variables that it has."""
    from ingest.feeds.declaration.catalog import Catalog
    from ingest.feeds.declaration.variables import assignments

    catalog, given = Catalog(settings, frozenset()), assignments(values)

    def find(name: str) -> "NamedFeed":
        variables = catalog.file(name).variables
        return catalog.feed(name, {variable: value for variable, value in given.items() if variable in variables})

    return find


def stages(settings: "Settings", encoder: "PostEncoder", now: "Clock") -> "dict[str, ReadAgain]":
    """How each stage reads its rejects again."""
    from batch_layer.archive.post_reader import PostRetry
    from ingest.rejects.records import RecordRetry
    from ingest.sources.formats.contract import Reading
    from speed_layer.fold import UseRetry

    kafka, future_ms = settings.kafka, int(settings.archive.future_s * 1000)
    return {
        "ingest": RecordRetry(encoder, lambda source: Reading.from_settings(settings, source, now)).read_again,
        "archive": PostRetry(kafka.posts, now, future_ms).read_again,
        "speed": UseRetry(kafka.hashtags, now, future_ms).read_again,
    }


@rejects.command()
@click.argument("places", nargs=-1, metavar="[PARTITION@OFFSET]...")
@click.option("--stage", type=Stage(), help="All rejects of this stage.")
@click.option("--all", "everything", is_flag=True, help="All outstanding rejects.")
@json_option
@click.pass_context
def dismiss(ctx: click.Context, places: tuple[str, ...], stage: str | None, everything: bool, as_json: bool) -> None:
    """Dismiss rejects for good. The others stay, perhaps at another place.

    `trends rejects show` works on a dismissed reject until Kafka deletes it after 30 days.

    \b
    Examples:
      trends rejects dismiss 0@12 0@15
      trends rejects dismiss --stage archive
      trends rejects dismiss --all
    """
    if sum((bool(places), stage is not None, everything)) != 1:
        raise UsageError(
            "pass either places, --stage or --all", next_step="`trends rejects list` prints places such as 0@12"
        )
    from ingest.rejects.dismissal import Dismissal
    from serving.cli.signals import stopping

    settings, named = settings_of(ctx), {_place(place) for place in places}

    def chosen(parked: "ParkedReject") -> bool:
        return everything or parked.reject.stage == stage or (parked.partition, parked.offset) in named

    with stopping() as stop:
        done = Dismissal(settings.kafka, settings.ingest).run(chosen, stop, named)
    if as_json:
        click.echo(json.dumps(done._asdict()))
    click.echo(f"{quantity(done.dismissed, 'reject')} dismissed, {done.outstanding:,} outstanding", err=True)


def _place(text: str) -> tuple[int, int]:
    """Partition and offset, as a list shows them. Raises `UsageError`."""
    match = _PLACE.fullmatch(text)
    if not match:
        raise UsageError(f"invalid place: {text[:40]!r}", next_step="`trends rejects list` prints places such as 0@12")
    return int(match[1]), int(match[2])


def _to_json(parked: "ParkedReject") -> dict[str, Any]:
    from ingest.hours import moment_of

    reject = parked.reject
    return {
        "place": f"{parked.partition}@{parked.offset}",
        "at": moment_of(parked.at).isoformat(timespec="seconds"),
        "stage": reject.stage,
        "reason": printable(reject.reason, None),
        "where": printable(reject.where, None),
        "reader": printable(reject.reader, None),
        "attempts": reject.attempts,
        "bytes": len(reject.raw),
        "raw": printable(reject.raw.decode(errors="backslashreplace"), None),
    }


def _line(parked: "ParkedReject") -> str:
    told = _to_json(parked)
    return "\t".join((told["place"], told["stage"], told["reason"], told["where"], told["raw"][:SHOWN]))
