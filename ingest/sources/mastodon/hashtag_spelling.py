"""How a status of Mastodon spells its hashtags: `#Zähler` in its content where the server's list has `zahler`.

A server folds the names in `tags`: compatibility forms (NFKC), lower case, then Latin letters without their accents
(`HashtagNormalizer` of https://github.com/mastodon/mastodon). So two tags become one, and the same tag has another name
than on a network that folds nothing. The content keeps the spellings, in links of the class `hashtag`: those whose
folding equals the name replace it. A name without one stays as it is.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from html import unescape

from ingest.rule.hashtags import bare

_PIECE = re.compile(r"<(?P<end>/?)(?P<element>[A-Za-z][A-Za-z0-9]*)(?P<attributes>[^<>]*)>|(?P<text>[^<]+)|<")
_CLASS = re.compile(r"""(?<![\w-])class\s*=\s*(?:"([^"]*)"|'([^']*)')""")
_LATIN = str.maketrans(
    {"æ": "ae", "œ": "oe", "ø": "o", "ð": "d", "đ": "d", "ħ": "h", "ı": "i", "ł": "l", "ŀ": "l", "ŋ": "ng", "ŧ": "t",
     "ß": "ss", "ĸ": "k", "ŉ": "'n", "ĳ": "ij"}
)  # fmt: skip
"""Letters with no accent to take off. (`þ` has had two foldings, so it stays as it is.)"""


def restore_spelling(names: Sequence[str], content: str) -> list[str]:
    """The names in their order, each as every spelling in the content that folds to it, or else as it is."""
    spelled: dict[str, list[str]] = {}
    for spelling in hashtags_of(content) if names else ():
        spelled.setdefault(fold(spelling), []).append(spelling)
    return [spelling for name in names for spelling in spelled.get(fold(name), [name])]


def hashtags_of(content: str) -> Iterator[str]:
    """The texts of the hashtag links in HTML, without `#`, in order."""
    open_link: list[str] | None = None
    for piece in _PIECE.finditer(content):
        if piece["text"] is not None:
            if open_link is not None:
                open_link.append(piece["text"])
        elif piece["element"] and piece["element"].lower() == "a":
            if open_link is not None:
                yield bare(unescape("".join(open_link)))
            open_link = [] if not piece["end"] and "hashtag" in _classes(piece["attributes"]) else None


def fold(spelling: str) -> str:
    """A spelling as a server folds it."""
    lower = unicodedata.normalize("NFKC", spelling).lower()
    return "".join(map(_fold_letter, unicodedata.normalize("NFC", lower)))


def _fold_letter(letter: str) -> str:
    base = unicodedata.normalize("NFD", letter)[0]
    return base if "a" <= base <= "z" else "" if letter == "\u0307" else letter.translate(_LATIN)


def _classes(attributes: str) -> Iterable[str]:
    match = _CLASS.search(attributes)
    return (match[1] or match[2] or "").split() if match else ()
