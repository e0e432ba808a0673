"""The reference is what the code says now."""

import re

import click

from config.settings import section_types
from serving.cli.reference import PAGE, reference
from tests.house.commands import LEAVES


def test_the_reference_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == reference(), "run `make reference`"


def test_the_reference_has_every_command_and_every_setting() -> None:
    told = reference()
    for path, command in LEAVES:
        assert f"#### `trends {' '.join(path)}`" in told
        options = [name for each in command.params if isinstance(each, click.Option) for name in each.opts]
        assert all(name in told for name in options)
    for section, of in section_types().items():
        table = told.split(f"### `[{section}]`")[1].split("###")[0]
        assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == list(of.model_fields)
