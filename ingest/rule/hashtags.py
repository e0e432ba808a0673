"""The rule: which hashtags a text has, and which tags a post uses. The one definition; every layer calls it.

In text the rule is Twitter's own: https://github.com/twitter/twitter-text, whose conformance suite judges it. `#` or
`＃`, not behind a letter, digit, mark, `_` or `&`; then letters, marks, digits and a few joiners with at least one
letter or mark; not in front of another `#` or of `://`; not inside a link (`ingest.rule.links`). One departure: a soft
hyphen inside a word does not end its tag.

Where the source itself names the hashtags, the rule takes those, without `#` and blanks around them, and does not read
the text: a cut text has lost its last tag. A post uses a tag once.

A normalised tag is NFKC, case-folded, without invisible characters (variation selectors, soft hyphens, spaces of no
width; a joiner stays between letters, where it changes how they look). `i` with a dot above, to which `İ` folds, is
`i`: #İstanbul, #istanbul and #ISTANBUL are one tag. The dotless `ı` is a letter of its own, as in Unicode's folding
for an unknown language: #ığdır is not #IĞDIR.
"""

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import regex

from ingest.post import Post
from ingest.rule.escapes import author_text
from ingest.rule.links import links

if TYPE_CHECKING:  # workers of Spark and Storm need no settings here
    from config.settings import RuleSettings

VERSION = "2"
"""Version of the rule in text. Raise it with every change of the hashtags that it finds."""

_LETTER = r"\p{L}\p{M}"
_OTHER = r"\p{Nd}_\u200c\u200d\ua67e\u05be\u05f3\u05f4\uff5e\u301c\u309b\u309c\u30a0\u30fb\u3003\u0f0b\u0f0c\u00b7"
_FULL = regex.compile(
    rf"""[#＃] (?![#＃\ufe0f\u20e3])                              # not a keycap
         (?: (?<![{_LETTER}{_OTHER}&][#＃])
           | (?<=[\ufe0e\ufe0f][#＃]) )                           # variation selectors are marks, yet emoji end in them
         ( [{_OTHER}]*+ [{_LETTER}] [{_LETTER}{_OTHER}\xad]*+ )
         (?! [#＃] | :// )""",
    regex.VERBOSE,
)
_GLUED = re.compile(r"\S[#＃]")
"""A sign that may stand in a link: none holds white space."""
# The common case, in the standard library's faster engine: an ASCII tag behind white space (so in no link) and before
# something that can neither prolong nor refuse it: ASCII, or `…` and `”`, which end cut and quoted posts. Used
# only where it explains every `#` of the text.
_PLAIN = re.compile(r"#(?<!\S#)([0-9_]*+[A-Za-z][A-Za-z0-9_]*+)(?![#\x80-\u201c\u201e-\u2025\u2027-\U0010ffff]|://)")


_JOINERS = "\u200c\u200d"
_INVISIBLE = regex.compile(rf"[\p{{Default_Ignorable_Code_Point}}--[{_JOINERS}]]+", regex.V1)


def in_text(text: str) -> list[str]:
    """The hashtags of a text as it spells them, without `#`, in order of appearance, repeated ones too."""
    if "#" in text:
        found = _PLAIN.findall(text)
        return found if len(found) == text.count("#") and "＃" not in text else in_text_full(text)
    return in_text_full(text) if "＃" in text else []


def in_text_full(text: str) -> list[str]:
    """The full rule, with no fast path. `in_text` must give the same."""
    spans = links(text) if _GLUED.search(text) else ()
    return _outside(spans, text) if spans else _FULL.findall(text)


def _outside(spans: Iterable[tuple[int, int]], text: str) -> list[str]:
    """The hashtags that begin in no span, or with it. Spans ascend."""
    ahead = iter(spans)
    begin, end = next(ahead)
    found = []
    for match in _FULL.finditer(text):
        at = match.start()
        while end <= at:
            begin, end = next(ahead, (len(text), len(text)))
        if at <= begin:
            found.append(match[1])
    return found


def normalise(spelling: str) -> str:
    """The tag that a spelling counts as. It may be empty: nobody would see the tag."""
    if spelling.isascii():
        return spelling.lower()
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", spelling).casefold())
    visible = _INVISIBLE.sub("", folded).replace("i\u0307", "i").strip(_JOINERS)
    return unicodedata.normalize("NFKC", visible)


@dataclass(frozen=True)
class Rule:
    """The rule with its corrections: tags to leave out, and tags to count as another."""

    ignore: frozenset[str] = frozenset()
    aliases: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def with_corrections(cls, ignore: Iterable[str], aliases: Mapping[str, str]) -> "Rule":
        """A rule from corrections as somebody typed them, with or without `#`, in any spelling."""
        return cls(
            frozenset(typed(tag) for tag in ignore), {typed(tag): typed(other) for tag, other in aliases.items()}
        )

    @classmethod
    def from_settings(cls, settings: "RuleSettings") -> "Rule":
        """The rule of `[rule]` in the settings."""
        return cls.with_corrections(settings.ignore, settings.aliases)

    @cached_property
    def version(self) -> str:
        """`1`, or `1+3f9a0c2b` where there are corrections: equal rules have equal versions."""
        if not self.ignore and not self.aliases:
            return VERSION
        told = json.dumps([sorted(self.ignore), sorted(self.aliases.items())]).encode()
        return f"{VERSION}+{hashlib.sha256(told).hexdigest()[:8]}"

    def tags(self, text: str, native: Iterable[str] | None) -> dict[str, str]:
        """The tags of a post, each with the spelling that the post used first. `text`: as its author wrote it."""
        spellings = in_text(text) if native is None else map(bare, native)
        found: dict[str, str] = {}
        for spelling in spellings:
            tag = normalise(spelling)
            tag = self.aliases.get(tag, tag)
            if tag and tag not in self.ignore:
                found.setdefault(tag, spelling)
        return found


AS_IS = Rule()
"""The rule without corrections."""


def tags_of(post: Post, rule: Rule = AS_IS) -> dict[str, str]:
    """The tags that a post uses, each with the spelling it used first: the tags to count."""
    return rule.tags(author_text(post.source, post.text), post.tags)


def bare(tag: str) -> str:
    """A tag as somebody typed or named it, without its sign and the blanks around."""
    return tag.strip().lstrip("#＃").strip()


def typed(tag: str) -> str:
    """The tag that counts for one as somebody typed it, with or without `#`, in any spelling."""
    return normalise(bare(tag))
