"""Words of a text, as the rule of phrases takes them: where they end, how they compare, and what stands between them.

A word stands between two boundaries of Unicode's rule (UAX #29, word boundaries) and holds a letter or a digit. In
scripts without blanks, Chinese, Japanese, Thai, Lao, Khmer and Burmese, ICU's dictionaries find the words; other texts
do not load them. Links, mentions and a word that `…` cuts off are no words. The sign of a hashtag is no part of one.
"""

from collections.abc import Iterator
from functools import lru_cache

import regex

from ingest.rule.hashtags import normalise

Run = tuple[list[str], list[str]]
"""Words that stand next to each other: normalised, and as the text spells them."""

MOST_WORD_BYTES = 300
"""The rule leaves out a longer word: three of them, as counted and as spelled, fit a message of `hashtags`."""

_SKIP = r"""(?: [Hh][Tt][Tt][Pp][Ss]?:// [!-~]*                # a link ends where ASCII does
          | (?<![A-Za-z0-9_.\-]) (?:[A-Za-z0-9_\-]++\.)++ [A-Za-z]{2,}+ (?::[0-9]++)? [/?] [!-~]*
          | (?: \bRT\s+ )? [@＠] [A-Za-z0-9_]++ (?: [.\-@] [A-Za-z0-9_]++ )*+ )"""
_WORD = r"( (?> \b (?=\w) .+? \b ) ) (?!…)"
_WITHOUT_BLANKS = r"[\p{Han}\p{Hiragana}\p{Katakana}ー\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]"
_FLAGS = regex.VERBOSE | regex.WORD | regex.V1
_SKIP_OR_WORD = regex.compile(f"{_SKIP} | {_WORD}", _FLAGS)
_SKIP_OR_WORDS = regex.compile(rf"{_SKIP} | ( (?: {_WITHOUT_BLANKS} \p{{M}}*+ )++ ) | {_WORD}", _FLAGS)
_HAS_JOINED = regex.compile(_WITHOUT_BLANKS)
_BETWEEN = regex.compile(r"[\s\p{Pd}\p{Pi}\p{Pf}\"'#＃]*+")


def runs_of_words(text: str) -> Iterator[Run]:
    """The words of a text in runs of neighbours: only white space, dashes, quotation marks and `#` lie between them."""
    has_joined = not text.isascii() and _HAS_JOINED.search(text)
    words: list[str] = []
    spellings: list[str] = []
    end = 0
    pattern = _SKIP_OR_WORDS if has_joined else _SKIP_OR_WORD
    last = pattern.groups
    for match in pattern.finditer(text):
        begin = match.start()
        spelling = match[last]
        word = word_of(spelling) if spelling else ""
        joined = match[1] if has_joined else None
        is_skip = not word and not joined
        if words and (is_skip or (text[end:begin] != " " and not _BETWEEN.fullmatch(text, end, begin))):
            yield words, spellings
            words, spellings = [], []
        end = match.end()
        if word:
            words.append(word)
            spellings.append(spelling)
        elif joined:
            pieces = segments(joined)
            for piece in pieces[:-1] if text[end : end + 1] == "…" else pieces:
                if word := word_of(piece):
                    words.append(word)
                    spellings.append(piece)
    if words:
        yield words, spellings


def segments(text: str) -> list[str]:
    """The words of a text in scripts without blanks, by ICU's dictionaries, which it chooses by script."""
    from icu4py.breakers import WordBreaker  # noqa: PLC0415 - 13 MB, and most texts need none of it

    return list(WordBreaker(text, "und"))


@lru_cache(50_000)
def word_of(spelling: str) -> str:
    """The normalised word; empty where it is too long, or holds neither letter nor digit."""
    word = normalise(spelling).replace("’", "'").strip("_")
    if max(len(word.encode()), len(spelling.encode())) > MOST_WORD_BYTES or not any(map(str.isalnum, word)):
        return ""
    return word
