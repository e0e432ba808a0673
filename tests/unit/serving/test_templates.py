"""Templates of the dashboard: a macro that another file has lost fails a page only when somebody opens it."""

import re
from pathlib import Path

import pytest

import serving.dashboard

FOLDER = Path(serving.dashboard.__file__).parent / "templates"
TEMPLATES = sorted(FOLDER.rglob("*.html"))
_IMPORT = re.compile(r'{% import "([^"]+)" as (\w+)')
_MACRO = re.compile(r"{%-? macro (\w+)\(")


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: str(path.relative_to(FOLDER)))
def test_every_macro_that_a_template_calls_is_there(template: Path) -> None:
    text = template.read_text()
    for file, name in _IMPORT.findall(text):
        called = set(re.findall(rf"\b{name}\.(\w+)\(", text))
        assert called <= set(_MACRO.findall((FOLDER / file).read_text())), file


def test_macros_are_found() -> None:
    assert {"ranked", "records", "cell"} <= set(_MACRO.findall((FOLDER / "parts.html").read_text()))
