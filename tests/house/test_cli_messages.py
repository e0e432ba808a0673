"""Every command has an example in its help and a place in the README or docs."""

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from serving.cli import main
from tests.house.commands import LEAVES

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("path", "command"), LEAVES, ids=lambda each: "-".join(each) if isinstance(each, tuple) else ""
)
def test_a_command_helps_with_an_example_and_is_in_the_docs(path: tuple[str, ...], command: click.Command) -> None:
    told = CliRunner().invoke(main, [*path, "--help"])
    assert told.exit_code == 0, told.output
    assert "Example" in told.output
    assert f"trends {' '.join(path)}" in told.output.split("Example")[1]
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    prose = "".join(page.read_text() for page in pages if page.name != "reference.md")
    assert f"trends {' '.join(path)}" in prose


@pytest.mark.parametrize(
    "arguments", [["nonsense"], ["top", "--hour", "soon"], ["top", "-n", "0"], ["top", "--tz", "Mars/X"]]
)
def test_what_is_wrongly_typed_exits_with_2_and_no_traceback(arguments: list[str]) -> None:
    told = CliRunner().invoke(main, arguments)
    assert told.exit_code == 2
    assert "Traceback" not in told.output
