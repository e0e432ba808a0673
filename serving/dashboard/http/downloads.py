"""Downloads: an answer as a file, CSV or PNG, with a name that says what it holds."""

import re
from urllib.parse import quote
from zoneinfo import ZoneInfo

from starlette.responses import Response, StreamingResponse

from config.distribution import how_to_install
from config.errors import UnavailableError
from serving.answers.bounds import Bounds
from serving.render.row_text import csv_text
from serving.render.rows import Rows

_LONGEST = 36
"""Bytes of one part of a name: of five tags and two hours it is below the 255 bytes that file systems take."""


def file_name(*parts: str) -> str:
    """`trends-tag-paris-2013-04-15`: letters and digits of any script, long parts cut off, without a suffix."""
    return "-".join(filter(None, map(_word, ("trends", *parts))))


def _word(part: str) -> str:
    word = re.sub(r"[^\w.+]+", "-", part).strip("-.")
    return word.encode()[:_LONGEST].decode(errors="ignore").strip("-.")


def csv_file(rows: Rows, tz: ZoneInfo, name: str) -> Response:
    """Rows as CSV."""
    headers = _headers(f"{name}.csv")
    return StreamingResponse((text.encode() for text in csv_text(rows, tz)), media_type="text/csv", headers=headers)


def png_file(picture: str, bounds: Bounds, name: str) -> Response:
    """A picture, given as SVG, as PNG. Waits for its turn, as a heavy question does.

    Raises `UnavailableError` without the package that draws.
    """
    try:
        from serving.render.charts.png import png  # noqa: PLC0415 - belongs to an extra
    except ModuleNotFoundError as error:
        package = error.name or ""
        raise UnavailableError(f"{package} is not installed", next_step=how_to_install(package)) from None
    with bounds.turn():
        return Response(png(picture), media_type="image/png", headers=_headers(f"{name}.png"))


def _headers(name: str) -> dict[str, str]:
    """For programs that know RFC 6266, and an ASCII name for the others."""
    plain = name.encode("ascii", "replace").decode().replace("?", "_")
    return {"Content-Disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name)}"}
