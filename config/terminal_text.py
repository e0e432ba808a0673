r"""Terminal text: characters that would steer a terminal or turn the direction of writing, shown as their codes.

The code of a character looks like `\u001b`, which in JSON is the same string.
"""

import re
import unicodedata

LONGEST = 40
"""Characters of a tag that a table shows; JSON has all of them."""

_STEERING = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]|\r(?!\n)")
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
_JOINERS = frozenset("\u200c\u200d")
"""Cf too, yet part of how Persian, Sinhala or an emoji is spelt."""


def escape_controls(text: str) -> str:
    """Text of several lines that a terminal shows and does not obey."""
    return _STEERING.sub(lambda match: _code(match[0]), text)


def printable(text: str, longest: int | None = LONGEST) -> str:
    """Text of one line, cut to `longest` characters; None: all. Line breaks and invisible characters are codes too."""
    cut = text if longest is None or len(text) <= longest else text[: longest - 1] + "…"
    return "".join(_code(each) if _is_invisible(each) else each for each in cut)


def _is_invisible(character: str) -> bool:
    return unicodedata.category(character) in _INVISIBLE and character not in _JOINERS


def _code(character: str) -> str:
    number = ord(character)
    return f"\\u{number:04x}" if number <= 0xFFFF else f"\\U{number:08x}"
