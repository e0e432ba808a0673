"""CSV, PNG and SVG output, and the options for it."""

import sys
from collections.abc import Iterable
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from config.errors import TrendsError, UsageError
from serving.answers.rule_versions import Rules
from serving.cli.options import Decorator
from serving.render.row_text import csv_text
from serving.render.rows import Rows

FILE = click.Path(dir_okay=False, writable=True, path_type=Path)

csv_option: Decorator = click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
png_option: Decorator = click.option("--png", type=FILE, metavar="FILE", help="Write a chart as PNG.")
svg_option: Decorator = click.option("--svg", type=FILE, metavar="FILE", help="Write a chart as SVG.")


def reject_two_forms(as_json: bool, as_csv: bool) -> None:
    """Raise `UsageError` for --json together with --csv."""
    if as_json and as_csv:
        raise UsageError("--json and --csv exclude each other", next_step="Leave out one of them")


def print_csv(rows: Rows, tz: ZoneInfo) -> None:
    """Lines of CSV on standard output, with times of a zone."""
    print_pieces(csv_text(rows, tz))


def print_pieces(pieces: Iterable[str]) -> None:
    """Text on standard output, piece by piece."""
    for piece in pieces:
        sys.stdout.write(piece)


def warn_of_mixture(rules: Rules) -> None:
    """Warn on standard error about several versions of the rule in one answer, with the fix."""
    if rules.sentence:
        click.echo(rules.sentence, err=True)


def write_picture(picture: str, png_file: Path | None, svg_file: Path | None) -> None:
    """Write a picture, an SVG, to the files of `png_option` and `svg_option`."""
    if png_file:
        from serving.render.charts.png import png

        write_file(png_file, png(picture))
    if svg_file:
        write_file(svg_file, picture.encode())


def write_file(file: Path, content: bytes) -> None:
    """Write a file, and report it on standard error."""
    try:
        file.write_bytes(content)
    except OSError as error:
        raise TrendsError(f"cannot write: {error.strerror}", where=str(file)) from None
    click.echo(f"wrote {file}", err=True)
