"""Labels: a tag as a chart names it, the fonts that have its script, and about how wide a text is."""

import unicodedata
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size

from serving.views.documents import Lens

FONT = "Noto Sans, DejaVu Sans, Arial, sans-serif"
_IDEOGRAPHIC = "Noto Sans CJK JP, Hiragino Sans, PingFang SC, Microsoft YaHei, "
_HASHTAG, _PHRASE = 24, 28
"""Cells of the longest label; a character of Chinese is two."""
_SKIN_TONES = dict.fromkeys(range(0x1F3FB, 0x1F400))
"""Left out: few fonts know them outside of their emoji."""
_EMS = {
    **dict.fromkeys("mwMW@%—…жмшщыюфЖМШЩЫЮФ", 0.95),
    **dict.fromkeys("ijlI|.,:;'!()[]- ·", 0.36),
    **dict.fromkeys("frt/", 0.45),
}
"""Widths of characters that differ much from the others of their kind, in parts of the size."""


@dataclass(frozen=True, slots=True)
class Label:
    """The name of a tag, short enough for a chart."""

    text: str
    font: str
    """Families in the order in which a renderer tries them."""


def label_of(shown: str, lens: Lens) -> Label:
    """A tag without the characters that would turn the text or move a cursor, cut if it is long."""
    longest = _HASHTAG if lens.kind == "hashtag" else _PHRASE
    text = lens.label(shown).translate(_SKIN_TONES)
    short = text if cell_len(text) <= longest else set_cell_size(text, longest - 1).rstrip() + "…"
    return Label(short, _fonts(short))


def width_of(text: str, size: float) -> float:
    """Pixels of a text in Noto Sans, estimated without the font: a line may be some pixels shorter."""
    return size * sum(map(_ems, text))


def _ems(character: str) -> float:
    if character in _EMS:
        return _EMS[character]
    category = unicodedata.category(character)
    if category in ("Mn", "Me", "Cf"):
        return 0
    if unicodedata.east_asian_width(character) in "WF":
        return 1.3 if category == "So" else 1.02
    if category == "Lu":
        return 0.68
    return 0.85 if category in ("Lo", "Mc") else 0.6


def _fonts(text: str) -> str:
    """Families with the script first: a renderer takes the first family that it has, even one without the script."""
    for character in text:
        script = unicodedata.name(character, "LATIN").split()[0]
        if script in ("CJK", "HIRAGANA", "KATAKANA", "HANGUL", "FULLWIDTH"):
            return _IDEOGRAPHIC + FONT
        if unicodedata.category(character) == "Lo" and script.isalpha():
            return f"Noto Sans {script.title()}, {FONT}"
    return FONT
