"""`trends ingest`: posts from files, from live services or from the sample generator into Kafka."""

import re
from typing import Any, ClassVar

import click

from config.errors import BadRecordError
from ingest.hours import wall_clock
from ingest.sources.registry import LIVE, formats
from serving.cli.commands import live
from serving.cli.options import json_option, restart_option, settings_of

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


class Delimiter(click.ParamType[str]):
    """One character, or the name of one that is hard to type."""

    name = "CHAR"
    NAMED: ClassVar = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "pipe": "|", "\\x01": "\x01"}

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The character."""
        character = str(self.NAMED.get(str(value), value))
        if len(character) != 1 or character in '"\\\r\n':
            self.fail(f"{value!r} is no delimiter; one is a character, such as , or ; or | or tab", param, ctx)
        return character


class Moment(click.ParamType[int]):
    """A moment, as the sources spell them."""

    name = "MOMENT"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Milliseconds since 1970."""
        from ingest.sources.formats.timestamps import time_of

        try:
            return value if isinstance(value, int) else time_of(str(value))
        except BadRecordError as error:
            self.fail(f"{error.reason}; a moment looks like 2017-01-06T07:00Z", param, ctx)


class Sources(click.Group):
    """The commands below, and one for each live service of the registry."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, in order."""
        return sorted([*super().list_commands(ctx), *LIVE])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """One of them."""
        return super().get_command(ctx, cmd_name) or live.live_command(cmd_name)


@click.group(cls=Sources)
def ingest() -> None:
    """Read posts into Kafka, exactly once.

    A command that starts again resumes after its last committed transaction. Ctrl-C finishes the open one.

    \b
    Examples:
      trends ingest sample
      trends ingest file posts.csv
      trends ingest jetstream
    """


ingest.add_command(live.dismiss)


@ingest.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH…")
@click.option("--format", "format_",
              type=click.Choice(["auto", "csv", "parquet", *(name for name in formats() if name != "csv")]),
              default="auto", show_default=True,
              help="csv (any delimiter), parquet, or JSON: of any make, of X's API v1.1 (and X's export) or v2, of "
              "Bluesky's Jetstream, of Mastodon.")  # fmt: skip
@click.option("--id-column", metavar="NAME", help="CSV, Parquet: column of the post's id.")
@click.option("--text-column", metavar="NAME", help="CSV, Parquet: column of its text.")
@click.option("--time-column", metavar="NAME", help="CSV, Parquet: column of its time; without one the id gives it.")
@click.option("--date-column", metavar="NAME", help="CSV, Parquet: column of its day, where its time has none.")
@click.option("--lang-column", metavar="NAME", help="CSV, Parquet: column of its language.")
@click.option("--delimiter", type=Delimiter(), help="CSV: what separates cells: , ; | tab …  [default: by its header]")
@click.option("--escape", type=click.Choice(["doubled", "backslash"]),
              help="CSV: how a quote in a cell is written.  [default: by its first rows]")  # fmt: skip
@click.option("--id-field", metavar="PATH", help="JSON of any make: field of the post's id; a path has dots: user.id.")
@click.option("--text-field", metavar="PATH", help="JSON of any make: field of its text.")
@click.option("--time-field", metavar="PATH", help="JSON of any make: field of its time; without one the id gives it.")
@click.option("--date-field", metavar="PATH", help="JSON of any make: field of its day, where its time has none.")
@click.option("--lang-field", metavar="PATH", help="JSON of any make: field of its language.")
@click.option("--time-from", type=click.Choice(["record", "id"]), default="record", show_default=True,
              help="Where X's posts get their time from; the id also if a record's time can't be read.")  # fmt: skip
@click.option("--lang", "langs", multiple=True, metavar="LANG", help="Only posts in this language; repeatable.")
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="Only posts that use this tag; repeatable.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="At most N posts, counted since the beginning.")
@click.option("--rate", type=Rate(), help="At most so many posts a second.")
@click.option("--force", is_flag=True, help="Read on in a file that begins with a hundred records that can't be read.")
@click.option("--source", default="", help="Where the posts were published.  [default: x; bluesky, mastodon by format]")
@restart_option
@json_option
@click.pass_context
def file(ctx: click.Context, /, paths: tuple[str, ...], restart: bool, as_json: bool, **asked: Any) -> None:
    """Posts recorded in files: CSV, Parquet, JSON lines and documents, plain or packed by gzip, zstd, bzip2 or xz.

    Folders and patterns are read in order. `-` is standard input; a pipe is read once, to its end. What can't be read
    goes to `trends rejects`; if that is every record, or the first hundred, exit 1. With --restart the posts keep their
    ids, so the batch layer still counts each once; the speed layer counts them again.

    \b
    Examples:
      trends ingest file posts.csv
      trends ingest file 'stream-2017-01-*.jsonl.gz' --lang en --tag bigdata
      trends ingest file other.csv --text-column message --time-column posted
      trends ingest file archive/data/tweets.js posts.parquet
      trends ingest file posts.jsonl --id-field key --text-field body.text --time-field meta.posted
      unzip -p posts.zip | trends ingest file -
    """
    from serving.cli.ingest import ingest_runner

    settings = settings_of(ctx)
    ctx.exit(ingest_runner.run(settings, ingest_runner.file_source(settings, paths, wall_clock, asked), asked["rate"],
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
    from serving.cli.ingest import ingest_runner

    settings = settings_of(ctx)
    ctx.exit(ingest_runner.run(settings, ingest_runner.sample_source(settings, wall_clock, asked), None,
                           restart=restart, as_json=as_json, endless=asked["live"]))  # fmt: skip
