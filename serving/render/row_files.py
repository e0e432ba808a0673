"""Row files: rows as bytes of one of the formats, and as a file that appears whole or not at all."""

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Literal, get_args
from zoneinfo import ZoneInfo

from config.distribution import how_to_install
from config.errors import TrendsError, UnavailableError, UsageError
from serving.render.row_text import csv_text, json_text
from serving.render.rows import Rows

Format = Literal["parquet", "csv", "json"]
"""`json` is an object a line."""
FORMATS = get_args(Format)
_SUFFIXES: dict[str, Format] = {".parquet": "parquet", ".csv": "csv", ".json": "json", ".jsonl": "json"}


def format_of(file: Path) -> Format:
    """The format that a suffix names. Raises `UsageError`."""
    form = _SUFFIXES.get(file.suffix.lower())
    if form is None:
        step = f"Name one of {', '.join(FORMATS)}, or end the name with {', '.join(_SUFFIXES)}"
        raise UsageError("its name tells no format", where=str(file), next_step=step)
    return form


def row_bytes(rows: Rows, tz: ZoneInfo, form: Format) -> Iterator[bytes]:
    """The content of a file, piece by piece, so that memory does not grow with it.

    Raises `UnavailableError` for Parquet without pyarrow: a dashboard runs without it.
    """
    if form == "parquet":
        try:
            from serving.render.row_tables import parquet_bytes  # noqa: PLC0415 - slow to load
        except ModuleNotFoundError as error:
            package = error.name or ""
            raise UnavailableError(f"{package} is not installed", next_step=how_to_install(package)) from None
        return parquet_bytes(rows, tz)
    return (text.encode() for text in (csv_text if form == "csv" else json_text)(rows, tz))


def write_rows(rows: Rows, tz: ZoneInfo, file: Path, form: Format | None = None) -> int:
    """Write a file beside its place, sync it, and rename it; its bytes. What was there stays if anything fails.

    Raises `UsageError` for a format that is none and for a place that is no regular file, `TrendsError` for one that
    can't be written, and what reading the rows raises.
    """
    form = form or format_of(file)
    if form not in FORMATS:
        raise UsageError(f"no such format: {form!r}", where=str(file), next_step=f"One of: {', '.join(FORMATS)}")
    try:
        place = file.resolve()  # a link goes on leading to the file
        if place.exists() and not stat.S_ISREG(place.stat().st_mode):
            raise UsageError("not a regular file", where=str(file), next_step="Name a file")
        return _replace(place, row_bytes(rows, tz, form))
    except OSError as error:
        raise TrendsError(f"cannot write: {error.strerror}", where=str(file)) from None


def _replace(place: Path, content: Iterator[bytes]) -> int:
    with NamedTemporaryFile("wb", dir=place.parent, prefix=f".{place.name}-", delete=False) as beside:
        try:
            size = sum(beside.write(piece) for piece in content)
            beside.flush()
            os.fsync(beside.fileno())
            Path(beside.name).chmod(_mode(place))
            Path(beside.name).replace(place)
        except BaseException:
            with suppress(OSError):
                Path(beside.name).unlink()
            raise
    return size


def _mode(place: Path) -> int:
    """The permissions of the file that was there, or those of a new one."""
    if place.exists():
        return stat.S_IMODE(place.stat().st_mode)
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
