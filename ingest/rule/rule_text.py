"""Rule text: everything that a version of a rule says, to keep beside the results of that version.

A version stands for code and, for hashtags, corrections. `text_of` and `phrases_text` describe the rules of this
process; `rebuilt` makes a hashtag rule of a text again, where its code has the version of the code here.
"""

from collections.abc import Iterable, Mapping
from importlib import import_module
from inspect import getsource
from typing import NamedTuple

from ingest.rule import phrases
from ingest.rule.hashtags import Rule
from ingest.rule.kinds import Kind

HASHTAG_CODE = ("ingest.rule.hashtags", "ingest.rule.links", "ingest.rule.escapes")
"""The modules that are the hashtag rule."""
PHRASE_CODE = (
    "ingest.rule.phrases",
    "ingest.rule.words",
    "ingest.rule.language",
    "ingest.rule.function_words",
    "ingest.rule.escapes",
)
"""The modules that are the phrase rule; the hashtag rule normalises the words that they use."""


class RuleText(NamedTuple):
    """One version."""

    version: str
    finds: Kind
    """`hashtag`; `bigram` stands for all phrases."""
    code: Mapping[str, str]
    """Source code of the modules, by name."""
    ignore: tuple[str, ...] = ()
    """Tags to leave out, ascending."""
    aliases: Mapping[str, str] = {}
    """Tag to count instead of a tag."""


def text_of(rule: Rule) -> RuleText:
    """The hashtag rule of this process with its corrections."""
    return RuleText(
        rule.version, "hashtag", _sources(HASHTAG_CODE), tuple(sorted(rule.ignore)), dict(sorted(rule.aliases.items()))
    )


def phrases_text() -> RuleText:
    """The phrase rule of this process."""
    return RuleText(phrases.version(), "bigram", _sources(PHRASE_CODE))


def rebuilt(text: RuleText) -> Rule | None:
    """The rule with a text's corrections; None where the code here finds hashtags by another version."""
    rule = Rule(frozenset(text.ignore), dict(text.aliases))
    return rule if text.finds == "hashtag" and rule.version == text.version else None


def _sources(names: Iterable[str]) -> dict[str, str]:
    return {name: getsource(import_module(name)) for name in names}
