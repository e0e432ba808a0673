"""Drawing: a picture as SVG or PNG. Nothing is fetched: data is inside, fonts are those of this machine."""

from functools import cache

import resvg_py
import vl_convert

from config.errors import TrendsError
from serving.render.charts.frame import FONT, Picture

_SCALE = 2.0
"""Pixels of a PNG for one of the picture: sharp on a projector."""
_PROBE = '<svg xmlns="http://www.w3.org/2000/svg" width="20" height="20"><text y="18" font-family="{}">{}</text></svg>'


def svg(picture: Picture) -> str:
    """A picture as SVG: its text stays text."""
    return vl_convert.vegalite_to_svg(picture.to_dict(), allowed_base_urls=[])


def png(picture: Picture) -> bytes:
    """A picture as PNG. Raises `TrendsError` on a machine without fonts."""
    if not _has_fonts():
        raise TrendsError(
            "no font is installed, so a PNG would have no text", next_step="Install fonts-noto, or use SVG"
        )
    return _drawn(svg(picture), _SCALE)


def _drawn(text: str, zoom: float) -> bytes:
    """By resvg itself: the older one inside vl-convert sets Devanagari's and Bengali's vowels over their consonants."""
    return bytes(resvg_py.svg_to_bytes(svg_string=text, zoom=zoom))


@cache
def _has_fonts() -> bool:
    return _drawn(_PROBE.format(FONT, "A"), 1) != _drawn(_PROBE.format(FONT, ""), 1)
