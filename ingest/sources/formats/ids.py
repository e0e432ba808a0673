"""Ids as tools write them: protected against spreadsheets, or damaged by them."""

import re

from config.errors import BadRecordError

_FORMULA = re.compile(r'="?(.*?)"?')
_PREFIXED = re.compile(r"[xX](\d+)", re.ASCII)
_ROUNDED = re.compile(r"\d(\.\d+)?[eE]\+?\d+|\d{16,}\.\d*", re.ASCII)
_SHOWN = 40


def plain_id(id_: str, *, of_x: bool) -> str:
    """An id as its service gave it: `="123"` is 123, and `x123` too where it is of X (`of_x`).

    One that went through a number with 53 bits has lost digits, even where it shows all of them: `123….0`, `1.23E+18`.
    Raises `BadRecordError` for it.
    """
    if id_.isdigit():
        return id_
    if id_.startswith("="):
        match = _FORMULA.fullmatch(id_)
        id_ = match[1] if match else id_
    if of_x and (match := _PREFIXED.fullmatch(id_)):
        return match[1]
    if _ROUNDED.fullmatch(id_):
        raise BadRecordError(f"an id that lost digits in a spreadsheet: {id_[:_SHOWN]}")
    return id_
