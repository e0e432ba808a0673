"""Repetition: no two places in product code share six lines of logic to the letter."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator

from tests.house.repository import ROOT, modules

LINES = 6
SAYS_SOMETHING = re.compile(r"\w")
"""A line without a word, as a lone bracket, does not count."""


def test_no_two_places_share_six_lines() -> None:
    places = defaultdict(list)
    for path in modules():
        if path.relative_to(ROOT).parts[0] != "bench":
            lines = list(code_lines(path.read_text()))
            for first in range(len(lines) - LINES + 1):
                run = lines[first : first + LINES]
                places["\n".join(text for _, text in run)].append(f"{path.relative_to(ROOT)}:{run[0][0]}")
    assert [found for found in places.values() if len(found) > 1] == []


def code_lines(source: str) -> Iterator[tuple[int, str]]:
    """Number and text of each line with logic: no import, docstring, decorator, signature, field or dictionary."""
    tree, left_out = ast.parse(source), set[int]()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
            left_out.update(range(first, node.body[0].lineno))
        elif _declares(node):
            left_out.update(range(node.lineno, node.end_lineno + 1))  # type: ignore[attr-defined] # it has a place
    for number, line in enumerate(source.splitlines(), 1):
        text = line.partition("  #")[0].strip()
        if number not in left_out and SAYS_SOMETHING.search(text) and not text.startswith("#"):
            yield number, text


def _declares(node: ast.AST) -> bool:
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    return isinstance(node, ast.Import | ast.ImportFrom | ast.AnnAssign | ast.Dict)


def test_only_lines_with_logic_count() -> None:
    source = '"""Words."""\nimport os\n\n\ndef f(\n    a: int,\n) -> int:\n    """Words."""\n'
    source += "    b = a + 1  # why\n    return b\n"
    assert [text for _, text in code_lines(source)] == ["b = a + 1", "return b"]
