"""`python -m bench`: runs benches, prints a table of each, keeps the figures as JSON, and ends by itself."""

import json
import os
import sys
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from bench.harness.compare import compare
from bench.harness.report import document, promises, save, table
from bench.harness.trial import Bench, RunOptions
from config.errors import TrendsError

MODULES = (
    *("rule", "top", "ingest", "archive", "history", "speed", "hour", "samples", "stack", "idle"),
    *("feed-postgres", "feed-files", "feed-hive", "feed-poll", "feed-idle"),
)
"""Each has its `BENCHES`, named after it: `speed-live` is one of `speed`."""
PARTS = (
    "rule-hostile",
    "ingest-file",
    "ingest-live",
    "archive-steady",
    "archive-backfill",
    "speed-live",
    "speed-thin",
    "speed-delay",
    "samples-history",
    "idle-status",
    "idle-scrape",
    "idle-tick",
)
"""Benches that share a module; each also runs alone."""
ROOT = Path(__file__).parents[1]
_RECORDED = "recorded posts (CrisisLexT6), repeated as shifted copies under new ids"
_SAMPLE = "posts of the sample generator"


@click.command()
@click.argument("names", nargs=-1, type=click.Choice([*MODULES, *PARTS]))
@click.option("--repeat", type=click.IntRange(1), default=3, show_default=True, help="Runs of each contender.")
@click.option("--size", "sizes", type=click.IntRange(1), multiple=True, help="How much input; may be given repeatedly.")
@click.option("--only", metavar="TEXT", multiple=True, help="Run ours and the contenders whose names hold this.")
@click.option("--sample", is_flag=True, help="Take sample posts in place of recorded ones.")
@click.option("--json", "as_json", is_flag=True, help="The figures as JSON on stdout.")
@click.option("--state", type=click.Path(path_type=Path), default=ROOT / "state" / "bench", help="Folder to work in.")
def main(
    names: Sequence[str],
    repeat: int,
    sizes: Sequence[int],
    only: Sequence[str],
    sample: bool,
    as_json: bool,
    state: Path,
) -> None:
    """Measure the platform, and what one would use in its place, in the same run.

    Without a name all benches run, one after the other, each at the sizes that it is made for.

    \b
    Examples:
      python -m bench rule
      python -m bench speed-delay archive --repeat 5
      python -m bench history --size 5000000 --only textbook --only DuckDB --json
    """
    data = Path(os.environ.get("TRENDS_TEST_DATA") or ROOT.parent / "shared" / "data")
    options = RunOptions(0, data, sample, state.absolute())
    told: list[dict[str, Any]] = []
    try:
        for name in names or MODULES:
            for each in _run(name, options, sizes, only, repeat, quiet=as_json):
                told.append(each)
    except TrendsError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(error.exit_code)
    finally:
        if told:
            path = save(told, options.state / "results", "-".join(names) or "all")
            click.echo(f"kept in {path}", err=True)
    if as_json:
        click.echo(json.dumps(told, ensure_ascii=False))


def _run(
    name: str, options: RunOptions, sizes: Sequence[int], only: Sequence[str], repeat: int, quiet: bool
) -> Iterator[dict[str, Any]]:
    benches: tuple[Bench, ...] = import_module(module_of(name)).BENCHES
    for bench in [bench for bench in benches if name in MODULES or bench.name == name]:
        for size in sizes or bench.sizes:
            with bench.contenders(options._replace(size=size)) as (ours, *others):
                contenders = [ours, *(other for other in others if not only or any(t in other.name for t in only))]
                found = compare(contenders, repeat, lambda text: click.echo(text, err=True))
            if not quiet:
                out = Console(width=None if sys.stdout.isatty() else 180, markup=False, emoji=False)
                out.print(table(bench, size, found), *promises(found), "", sep="\n", markup=False)
            yield document(bench, size, found, _SAMPLE if options.sample else _RECORDED)


def module_of(name: str) -> str:
    """The module of a bench: `hour` and `feed-poll` have their own, `speed-live` is one of `speed`."""
    own = name if name in MODULES else name.partition("-")[0]
    return f"bench.measures.{own.replace('-', '_')}"


if __name__ == "__main__":
    main()
