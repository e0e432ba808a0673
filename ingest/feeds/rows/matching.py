"""Matching: the choice that `where` makes among records, by watched names, by keywords, or by an expression.

Words compare whole, blind to case and accents: `clauzel` matches `Toudouze - Clauzel` and `CLAUZEL`, not `clauzelle`.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ingest.feeds.declaration.model import Where
from ingest.feeds.rows.expressions import Search, compile_search

Match = Callable[[Any], tuple[str, ...] | None]
"""What matched in a decoded value, in the order of the file; nothing to name for an expression. None: leave it out."""

_WORD = re.compile(r"[^\W_]+")


def matcher(where: Where, watched: Mapping[str, Sequence[str]]) -> Match:
    """The function that chooses. Raises `UsageError` for an expression that does not compile."""
    if where.true is not None:
        return _by_expression(compile_search(where.true))
    terms = list(watched) if where.watched == "names" else [word for words in watched.values() for word in words]
    return _by_words(list(dict.fromkeys(terms)), [compile_search(text) for text in where.in_])


def words_of(text: str) -> str:
    """The words of a text, without case and accents, each between blanks: ` rosny sous bois `."""
    if not text.isascii():
        text = "".join(each for each in unicodedata.normalize("NFKD", text) if not unicodedata.combining(each))
    return f" {' '.join(_WORD.findall(text.casefold()))} "


def _by_expression(search: Search) -> Match:
    return lambda value: () if search(value) is True else None


def _by_words(terms: Sequence[str], searches: Sequence[Search]) -> Match:
    wanted = [(term, words_of(term)) for term in terms]

    def match(value: Any) -> tuple[str, ...] | None:
        texts = [words_of(text) for search in searches for text in _texts(search(value))]
        found = tuple(term for term, words in wanted if any(words in text for text in texts))
        return found or None

    return match


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        yield from (each for each in value if isinstance(each, str))
