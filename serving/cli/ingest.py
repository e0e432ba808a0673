"""`trends ingest`: posts from files, from live services or from the sample generator into Kafka."""

import re
from typing import Any

import click

from config.errors import BadRecordError
from serving.cli import live
from serving.cli.options import json_option, now, restart_option, settings_of

_RATE = re.compile(r"(\d+(?:\.\d+)?)(?:/s)?", re.ASCII)


class Rate(click.ParamType[float]):
    """Posts a second: `500` or `500/s`."""

    name = "N/s"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number."""
        if isinstance(value, float):
            return value
        match = _RATE.fullmatch(str(value))
        if not match or not float(match[1]):
            self.fail(f"{value!r} is not a rate; a rate looks like 500/s", param, ctx)
        return float(match[1])


class Moment(click.ParamType[int]):
    """A moment, as the sources spell them."""

    name = "MOMENT"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Milliseconds since 1970."""
        from ingest.sources.times import time_of

        try:
            return value if isinstance(value, int) else time_of(str(value))
        except BadRecordError as error:
            self.fail(f"{error.reason}; a moment looks like 2017-01-06T07:00Z", param, ctx)


@click.group()
def ingest() -> None:
    """Read posts into Kafka, exactly once.

    Started again, a command goes on behind its last committed transaction. Ctrl-C finishes the one in hand.

    \b
    Examples:
      trends ingest sample
      trends ingest file posts.csv
      trends ingest jetstream
    """


for command in (live.jetstream, live.x, live.mastodon, live.dismiss):
    ingest.add_command(command)


@ingest.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH…")
@click.option("--format", "format_", type=click.Choice(["auto", "csv", "x-v1", "x-v2", "jetstream", "mastodon"]),
              default="auto", show_default=True,
              help="csv, or JSON lines: of X's API v1.1 or v2, of Bluesky's Jetstream, of Mastodon.")  # fmt: skip
@click.option("--id-column", metavar="NAME", help="CSV: column of the post's id.")
@click.option("--text-column", metavar="NAME", help="CSV: column of its text.")
@click.option("--time-column", metavar="NAME", help="CSV: column of its time; without one the id tells it.")
@click.option("--lang-column", metavar="NAME", help="CSV: column of its language.")
@click.option("--lang", "langs", multiple=True, metavar="LANG", help="Only posts in this language; repeatable.")
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="Only posts that use this tag; repeatable.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="At most N posts, counted since the beginning.")
@click.option("--rate", type=Rate(), help="At most so many posts a second.")
@click.option("--source", default="", help="Where the posts were published.  [default: x; bluesky, mastodon by format]")
@restart_option
@json_option
@click.pass_context
def file(ctx: click.Context, /, paths: tuple[str, ...], restart: bool, as_json: bool, **asked: Any) -> None:
    """Posts recorded in files: CSV or JSON lines, plain, gzip or zstd. Folders and patterns are read in order.

    What can't be read goes to `trends rejects`. With --restart the posts keep their ids, so the batch layer still
    counts each once; the speed layer counts them again.

    \b
    Examples:
      trends ingest file posts.csv
      trends ingest file 'stream-2017-01-*.jsonl.gz' --lang en --tag bigdata
      trends ingest file other.csv --text-column message --time-column posted
    """
    from serving.cli import ingesting

    settings = settings_of(ctx)
    ctx.exit(ingesting.run(settings, ingesting.file_source(settings, paths, now, asked), asked["rate"],
                           restart=restart, as_json=as_json))  # fmt: skip


@ingest.command()
@click.option("--seed", default=1, show_default=True, help="Equal seeds make equal posts.")
@click.option("--posts", default=20_000, show_default=True, type=click.IntRange(1), help="How many.")
@click.option("--hours", default=24, show_default=True, type=click.IntRange(1), help="Over how many hours.")
@click.option("--end", type=Moment(), help="Up to when.  [default: now]")
@click.option("--live", is_flag=True, help="Then go on in real time until Ctrl-C, at --rate.")
@click.option("--rate", type=Rate(), default="20/s", show_default=True, help="Live posts a second.")
@restart_option
@json_option
@click.pass_context
def sample(ctx: click.Context, /, restart: bool, as_json: bool, **asked: Any) -> None:
    """Posts made from a seed: a day of a small social network, with late posts, duplicates and broken lines.

    A sample that was written whole is not written again, unless by --restart, which makes one up to now.

    \b
    Examples:
      trends ingest sample
      trends ingest sample --posts 1000000 --hours 168
      trends ingest sample --live --rate 50/s
    """
    from serving.cli import ingesting

    settings = settings_of(ctx)
    ctx.exit(ingesting.run(settings, ingesting.sample_source(settings, now, asked), None,
                           restart=restart, as_json=as_json, endless=asked["live"]))  # fmt: skip
