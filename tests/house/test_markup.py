"""No text is read as rich's markup: consoles are made in one place, and columns that show text say that it is text."""

import ast
from pathlib import Path

from tests.house.repository import ROOT, modules

CONSOLES = Path("serving/cli/consoles.py")
PLAIN = {"markup": False, "emoji": False}


def calls(path: Path, name: str) -> list[ast.Call]:
    """Calls of a function or class by its name, however it was imported, and of classes derived from it."""
    if name not in (text := path.read_text()):
        return []
    tree = ast.parse(text)
    renamed = {
        each.asname
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for each in node.names
        if each.name == name and each.asname
    }
    derived = {
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and {getattr(base, "id", "") for base in node.bases} & {name, *renamed}
    }
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and (getattr(node.func, "id", "") in {name, *renamed, *derived} or getattr(node.func, "attr", "") == name)
    ]


def said(call: ast.Call) -> dict[str, object]:
    return {each.arg: each.value.value for each in call.keywords if each.arg and isinstance(each.value, ast.Constant)}


def test_text_is_text() -> None:
    for path in modules():
        place = path.relative_to(ROOT)
        for call in calls(path, "Console"):
            assert place == CONSOLES or place.parts[0] == "bench", f"{place}: consoles come from serving.cli.consoles"
            assert PLAIN.items() <= said(call).items(), place
        assert all(said(call).get("markup") is False for call in calls(path, "TextColumn")), place
        assert not calls(path, "from_markup"), place
        assert "rich.markup" not in path.read_text(), place


def test_the_one_place_makes_consoles() -> None:
    assert "markup=False, emoji=False" in (ROOT / CONSOLES).read_text()
