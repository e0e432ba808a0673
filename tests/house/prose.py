"""Count passive and who/what clauses in prose: `python -m tests.house.prose` prints a table of pages and docstrings.

The heuristics are simple, so a figure has some error in both directions; compare figures, not sentences.

- A passive clause is a form of *be* or *get*, at most two adverbs, and a past participle: a word that ends in `-ed` or
  stands in `IRREGULAR`. Adjectives that look like one (`ADJECTIVES`) do not count.
- A who/what clause is *who*, *whoever*, *what* or *whatever* followed by a word. Questions do not count.

Code, targets of links and fenced blocks are no prose.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.house.repository import OURS, ROOT, modules, tracked

LIMIT = 15.0
"""Clauses of both kinds in 1,000 words that a page may have."""

IRREGULAR = (
    "begun|bought|broken|brought|built|caught|chosen|cut|dealt|done|drawn|driven|fed|felt|forgotten|found|frozen|given"
    "|had|heard|held|hidden|hurt|kept|known|laid|led|left|lent|let|lost|made|meant|met|overwritten|paid|put|read"
    "|rewritten|run|said|seen|sent|set|shown|shut|sold|spent|split|spoken|stolen|swept|taken|taught|thought|told|torn"
    "|understood|withheld|woken|written"
)
ADJECTIVES = {"based", "indeed", "limited", "need", "red", "related", "supposed", "tired"}
BE = r"(?:is|are|was|were|be|been|being|isn't|aren't|wasn't|weren't|gets?|got)"
PASSIVE = re.compile(
    rf"\b{BE}\s+(?:(?:not|never|only|also|always|still|then|once|all|both|already|just|\w+ly)\s+){{0,2}}"
    rf"(\w+ed|{IRREGULAR})\b",
    re.IGNORECASE,
)
WHO = re.compile(r"\b(?:who|whoever|what|whatever)\s+\w+", re.IGNORECASE)
NOT_PROSE = re.compile(
    r"^(?:```|~~~).*?^(?:```|~~~)\s*$|`[^`\n]*`|\]\([^)]*\)|^\|[\s:|-]+\|$|<[^>\n]*>", re.MULTILINE | re.DOTALL
)
QUESTION = re.compile(r"[^.?!\n]*\?")
WORD = re.compile(r"[A-Za-z][A-Za-z'’-]*")


class Count(NamedTuple):
    """Words and clauses of a text."""

    words: int = 0
    passive: int = 0
    who: int = 0

    def plus(self, other: "Count") -> "Count":
        """The counts of two texts together."""
        return Count(*(mine + its for mine, its in zip(self, other, strict=True)))

    @property
    def per_thousand(self) -> float:
        """Clauses of both kinds in 1,000 words."""
        return 1000 * (self.passive + self.who) / self.words if self.words else 0.0


def clauses(text: str) -> tuple[list[str], list[str]]:
    """The passive clauses and the who/what clauses of a text."""
    prose = QUESTION.sub("", NOT_PROSE.sub(" ", text))
    passive = [match[0] for match in PASSIVE.finditer(prose) if match[1].lower() not in ADJECTIVES]
    return passive, [match[0] for match in WHO.finditer(prose)]


def count(text: str) -> Count:
    """Count the clauses of a text."""
    passive, who = clauses(text)
    return Count(len(WORD.findall(NOT_PROSE.sub(" ", text))), len(passive), len(who))


def pages() -> list[Path]:
    """The pages that people write; the reference repeats docstrings."""
    markdown = [path for path in tracked() if path.suffix == ".md" and path.name != "reference.md"]
    return [path for path in markdown if path.relative_to(ROOT).parts[0] != "tests"]


def docstrings(path: Path) -> Iterator[str]:
    """The docstrings of a module, those of attributes included."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.value.value


def docstring_counts() -> dict[str, Count]:
    """The docstrings of each layer."""
    counts = dict.fromkeys(OURS, Count())
    for path in modules():
        layer = path.relative_to(ROOT).parts[0]
        for text in docstrings(path):
            counts[layer] = counts[layer].plus(count(text))
    return counts


def table() -> Iterator[str]:
    """Lines of a table: pages, then docstrings by layer."""
    counts = {str(path.relative_to(ROOT)): count(path.read_text()) for path in pages()}
    counts |= {f"docstrings of {layer}": each for layer, each in docstring_counts().items()}
    yield f"{'':50} {'words':>7} {'passive':>8} {'who/what':>9} {'in 1,000':>9}"
    for name, each in counts.items():
        yield f"{name:50} {each.words:7,} {each.passive:8} {each.who:9} {each.per_thousand:9.1f}"


if __name__ == "__main__":
    print(*table(), sep="\n")
