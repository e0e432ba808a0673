"""PNG: a picture as pixels, drawn by resvg with the fonts of this machine."""

from functools import cache

import resvg_py

from config.errors import TrendsError
from serving.render.charts.labels import FONT

_SCALE = 2.0
"""Pixels of a PNG for one of the picture: sharp on a projector."""
_PROBE = '<svg xmlns="http://www.w3.org/2000/svg" width="20" height="20"><text y="18" font-family="{}">{}</text></svg>'


def png(picture: str) -> bytes:
    """A picture, given as SVG, as PNG. Raises `TrendsError` on a machine without fonts."""
    if not _has_fonts():
        raise TrendsError(
            "no font is installed, so a PNG would have no text", next_step="Install fonts-noto, or use SVG"
        )
    return _pixels(picture, _SCALE)


def _pixels(picture: str, zoom: float) -> bytes:
    return bytes(resvg_py.svg_to_bytes(svg_string=picture, zoom=zoom))


@cache
def _has_fonts() -> bool:
    return _pixels(_PROBE.format(FONT, "A"), 1) != _pixels(_PROBE.format(FONT, ""), 1)
