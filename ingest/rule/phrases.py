"""The rule of phrases: which bigrams and trigrams a post uses. Pure, and the one definition, as the hashtag rule is.

A word stands between two boundaries of Unicode's rule (UAX #29, word boundaries) and holds a letter or a digit. The
rule leaves out links, mentions, a word that `…` cuts off, and the stop words of the post's language; an unknown
language has none. It drops the sign of a hashtag and keeps the word.

A phrase is two or three words that stand next to each other: only white space, dashes, quotation marks and the signs of
hashtags may lie between them. So it crosses no omitted word, nor the end of a sentence. Two words that are
apart in the text are no phrase of it. A post uses a phrase once.

Where a script has no blanks, the rule takes each Chinese or Thai character, and each Hiragana, for a word.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache

import regex
import stop_words

from ingest.rule.hashtags import normalise
from ingest.rule.kinds import Phrase

VERSION = "2"
"""Version of the rule. Raise it with every change of the phrases that it finds."""

WORDS_IN: Mapping[Phrase, int] = {"bigram": 2, "trigram": 3}

LONGEST_TEXT = 25_000
"""Most characters read of a text: the longest that a service allows. This bounds the phrases of hostile ones."""
MOST_WORD_BYTES = 300
"""The rule leaves out a longer word: three of them, as counted and as spelled, fit a message of `hashtags`."""

_LEFT_OUT_OR_WORD = regex.compile(
    r"""(?: [Hh][Tt][Tt][Pp][Ss]?:// [!-~]*                     # a link ends where ASCII does
          | (?<![A-Za-z0-9_.\-]) (?:[A-Za-z0-9_\-]++\.)++ [A-Za-z]{2,}+ (?::[0-9]++)? [/?] [!-~]*
          | (?: \bRT\s+ )? [@＠] [A-Za-z0-9_]++ (?: [.\-@] [A-Za-z0-9_]++ )*+ )
      | ( (?> \b (?=\w) .+? \b ) ) (?!…)
    """,
    regex.VERBOSE | regex.WORD | regex.V1,
)
_BETWEEN = regex.compile(r"[\s\p{Pd}\p{Pi}\p{Pf}\"'#＃]*+")
_RENAMED = {"in": "id", "iw": "he", "no": "nb", "nn": "nb"}
"""Codes that some sources still use, or that share a list of stop words."""


def version() -> str:
    """The version of this rule and the release of the stop words. Phrases depend on both."""
    return f"phrases-{VERSION}+stop-words-{stop_words.get_version()}"


def phrases(text: str, lang: str | None, kinds: Iterable[Phrase]) -> dict[Phrase, dict[str, str]]:
    """For each kind the phrases of a text, as the layers count them, each with the spelling that comes first in it."""
    found: dict[Phrase, dict[str, str]] = {kind: {} for kind in kinds}
    for words, spellings in runs(text, lang):
        for kind, of_kind in found.items():
            size = WORDS_IN[kind]
            if len(words) >= size:
                for phrase, spelling in zip(_runs_of_words(words, size), _runs_of_words(spellings, size), strict=True):
                    of_kind.setdefault(phrase, spelling)
    return found


def runs(text: str, lang: str | None) -> Iterator[tuple[list[str], list[str]]]:
    """The words of a text in runs of neighbours: normalised, and as the text spells them."""
    stop = stop_words_of(lang)
    words: list[str] = []
    spellings: list[str] = []
    end = 0
    for match in _LEFT_OUT_OR_WORD.finditer(text[:LONGEST_TEXT]):
        spelling = match[1]
        word = _word(spelling) if spelling else ""
        begin = match.start()
        left_out = not word or word in stop
        if words and (left_out or (text[end:begin] != " " and not _BETWEEN.fullmatch(text, end, begin))):
            yield words, spellings
            words, spellings = [], []
        end = match.end()
        if not left_out:
            words.append(word)
            spellings.append(spelling)
    if words:
        yield words, spellings


@lru_cache(100)
def stop_words_of(lang: str | None) -> frozenset[str]:
    """The stop words of a language as sources name it (`en`, `pt-BR`); none for an unknown one."""
    code = (lang or "").replace("_", "-").partition("-")[0].lower()
    return frozenset(_word(each) for each in stop_words.safe_get_stop_words(_RENAMED.get(code, code)))


@lru_cache(50_000)
def _word(spelling: str) -> str:
    """The normalised word; empty where it is too long, or holds neither letter nor digit."""
    word = normalise(spelling).replace("’", "'").strip("_")
    if max(len(word.encode()), len(spelling.encode())) > MOST_WORD_BYTES or not any(map(str.isalnum, word)):
        return ""
    return word


def _runs_of_words(words: Sequence[str], size: int) -> Iterator[str]:
    """Each so many neighbours as one phrase."""
    return map(" ".join, zip(*[words[first:] for first in range(size)], strict=False))
