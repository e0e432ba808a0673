"""Links: where the links of a text stand, as Twitter's own library finds them. A `#` inside one begins no hashtag.

The patterns follow `extractUrl` of https://github.com/twitter/twitter-text: a domain, then a path or a query of the
characters that each may hold and that each may end with; brackets in a path balance. A link without `http://` needs an
ASCII domain and a path, and begins neither in the middle of a word nor behind `@ $ # . _ - /`. A `t.co` link ends with
the letters and digits behind its slash. Departures: a top-level domain is any two letters or more, since a list of
names ages; in `@word例x.com/` no link begins behind the word; `＃` is no part of a domain.

A link without a protocol begins only where a run of domain characters begins, and the patterns do not backtrack: a
constant for each character of a text bounds the time. Possessive groups would say the second more plainly, but CPython
before 3.11.5 matches them wrongly (its issue 106052), so only single sets are possessive here.
"""

import re

_LONGEST = 4_096
"""A longer link is none, `https://` included."""
_LONGEST_SLUG = 40
"""Of a `t.co` link."""

_SPACES = r"\x09-\x0d\x20\x85\xa0\u1680\u180e\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_MARKERS = r"\u202a-\u202e\u061c\u200e\u200f\u2066-\u2069"
_INVALID = r"\ufffe\ufeff\uffff"
_NO_DOMAIN = rf"!＃'\#%&()*+,\\\-./:;<=>?@\[\]^_{{|}}~${_SPACES}{_MARKERS}{_INVALID}"
_D = rf"[^{_NO_DOMAIN}]"
"""A character of a domain, beside `.`, `-` and `_`."""
_NOT_ASCII = rf"[^\x00-\x7f{_NO_DOMAIN}]"
_ACCENTS = (
    r"\xc0-\xd6\xd8-\xf6\xf8-\xff\u0100-\u024f\u0253\u0254\u0256\u0257\u0259\u025b\u0263\u0268\u026f\u0272\u0289\u028b"
    r"\u02bb\u0300-\u036f\u1e00-\u1eff"
)
_ENDING = rf"+\-A-Za-z\u0400-\u04ff0-9=_\#/{_ACCENTS}"
"""Characters that a path may end with."""
_INNER = r"!*';:,.$%\[\]\u2013~@|&"
"""Characters that a path may hold besides, but not end with."""
_GENERAL = _INNER + _ENDING
_QUERY_ENDING = r"A-Za-z0-9\-_&=\#/"
_QUERY_INNER = r"!?*'@();:+$%\[\].,~|"
_BRACKETS = rf"\((?:[{_GENERAL}]++|[{_GENERAL}]*+\([{_GENERAL}]++\)[{_GENERAL}]*+)\)"
_LABEL = rf"{_D}++(?:[_\-]++{_D}++)*\."

_LINK = re.compile(
    rf"""(?: (?<![A-Za-z0-9@＠$\#＃{_INVALID}]) (?P<protocol>[Hh][Tt][Tt][Pp][Ss]?://)
           | (?<!{_D})(?<![@＠$\#＃_.\-/{_INVALID}]) )
        (?P<domain> (?:{_LABEL}(?={_LABEL}))*  {_D}++(?:-++{_D}++)*\.
                    (?: xn--[\-0-9A-Za-z]++ | [A-Za-z]{{2,}}+ | {_NOT_ASCII}{{2,}}+ ) )
        (?: :[0-9]++ )?
        (?P<path> / (?: [{_INNER}]*+ (?: [{_ENDING}]++ | {_BRACKETS} ) )* )?
        (?: \? (?: [{_QUERY_INNER}]*+ [{_QUERY_ENDING}]++ )+ )?""",
    re.VERBOSE,
)
_SIGN = re.compile("[#＃]")
_PROTOCOL, _DOMAIN, _PATH = 1, 2, 3
"""Groups of `_LINK`."""
_ASCII_DOMAIN = re.compile(rf"[\-A-Za-z0-9{_ACCENTS}]\.[A-Za-z]{{2}}")
_SHORT_LINK = re.compile(
    rf"https?://t\.co/(?P<slug>[a-z0-9]++)(?:\?(?:[{_QUERY_INNER}]*+[{_QUERY_ENDING}]++)+)?", re.IGNORECASE
)


def links(text: str) -> list[tuple[int, int]]:
    """The links with a path or a query that hold a `#`, ascending: begin, and end exclusive. They never overlap."""
    if "." not in text:
        return []
    found, sign = [], _next_sign(text, 0)
    for match in _LINK.finditer(text):
        if match.end() <= sign:
            continue
        begin, end = match.span()
        sign = _next_sign(text, begin)
        if match.start(_PROTOCOL) >= 0:
            if short := _SHORT_LINK.match(text, begin, end):
                end = short.end() if len(short["slug"]) <= _LONGEST_SLUG else begin
        elif match.start(_PATH) < 0 or not _ASCII_DOMAIN.search(text, *match.span(_DOMAIN)):
            continue
        if sign < end <= begin + _LONGEST:
            found.append((begin, end))
    return found


def _next_sign(text: str, at: int) -> int:
    """The position of the next `#` at or behind a place; the text's length where there is none."""
    sign = _SIGN.search(text, at)
    return sign.start() if sign else len(text)
