"""A number and its noun go together: `1 reject`, never `1 rejects` or `1 reject(s)`. One function writes them."""

import ast
import re
from pathlib import Path

import pytest

from tests.house.repository import ROOT, modules, tracked

NOUNS = (
    "post|use|hour|tag|reject|file|message|chunk|record|line|document|run|gap|row|partition|offset|manifest|column|cell"
    "|byte|character|notice|version|hashtag|folder|attempt"
)
COUNTED = re.compile(rf"\)? (?:more |free |broken )?(?:{NOUNS})s\b")
ALWAYS_MANY = re.compile(r"_?[A-Z_]+|\w+\[:3\]")
"""Limits of ours, and several numbers at once."""
LOGGED = re.compile(rf"%[dsg] (?:\w+ )?(?:{NOUNS})s\b")
PAGE = re.compile(rf"(?:number|length) \}}\}}(?: *<[^>]*>)? *(?:{NOUNS})s\b")
PAGES = [path for path in tracked() if path.suffix == ".html"]


def counted(text: ast.JoinedStr) -> list[str]:
    """The numbers in a string that a plural follows."""
    return [
        ast.unparse(number.value)
        for number, after in zip(text.values, text.values[1:], strict=False)
        if isinstance(number, ast.FormattedValue)
        and isinstance(after, ast.Constant)
        and COUNTED.match(str(after.value))
        and not ALWAYS_MANY.fullmatch(ast.unparse(number.value))
    ]


def test_a_module_writes_no_plural_behind_a_number_by_itself() -> None:
    for path in modules():
        if path.relative_to(ROOT).parts[0] == "bench":  # its numbers are sizes of trials
            continue
        nodes = list(ast.walk(ast.parse(path.read_text())))
        strings = [node for node in nodes if isinstance(node, ast.JoinedStr)]
        numbers = [number for text in strings for number in counted(text)]
        assert not numbers, f"{path}: config.quantity writes it right for 1"
        assert not LOGGED.findall(path.read_text()), f"{path}: a log is read too"
        constants = [node.value for node in nodes if isinstance(node, ast.Constant)]
        assert not [text for text in constants if isinstance(text, str) and re.search(r"[a-z]\(s\)", text)], path


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_page_writes_no_plural_behind_a_number_by_itself(path: Path) -> None:
    assert not PAGE.findall(path.read_text())


def test_a_wrong_plural_is_found() -> None:
    wrong = ast.parse('f"{shown} of {count:,} rejects"', mode="eval").body
    assert isinstance(wrong, ast.JoinedStr)
    assert counted(wrong) == ["count"]
    assert LOGGED.search("%d speed rows swept")
    assert PAGE.search("{{ told.posts | number }} <small>posts of")
