"""The rule as Twitter tells it, step by step: all links, all hashtags, and of these the ones in no link."""

import regex

from ingest.hashtags import _FULL

_LINK = regex.compile(
    r"""(?<![A-Za-z0-9@＠$\#＃_.\-/]) (?:[Hh][Tt][Tt][Pp][Ss]?://)?+
        (?:[A-Za-z0-9_\-]+\.)+ [A-Za-z]{2,} (?::[0-9]+)? [/?] \S*""",
    regex.VERBOSE,
)


def in_text(text: str) -> list[str]:
    """The hashtags of a text, as `ingest.hashtags.in_text` gives them."""
    links = [match.span() for match in _LINK.finditer(text)]
    return [match[1] for match in _FULL.finditer(text) if not any(begin <= match.start() < end for begin, end in links)]
