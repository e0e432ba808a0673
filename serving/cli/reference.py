"""Reference: every command and every setting as a Markdown page, from the code itself. `make reference` writes it."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from pydantic import SecretStr
from pydantic_core import PydanticUndefined, to_jsonable_python

from config.settings import section_types
from config.settings.field_docs import field_docs
from serving.cli import COMMANDS, main

PAGE = Path(__file__).parents[2] / "docs" / "reference.md"
_WIDTH = 100
_HEAD = """# Reference

Written by `make reference` from the code; a test says whether it is current. What to ask with which command is in
[guide.md](guide.md).
"""
_SETTINGS = """## Settings

In `trends.toml`, or the file that `TRENDS_CONFIG` names, as `[section]` and `key = value`; in the environment as
`TRENDS_SECTION__KEY`, lists and tables as JSON. The environment wins. An unknown key is an error in either.
`trends config` shows what is in force, and where it came from.
"""


def reference() -> str:
    """The whole page."""
    return "\n".join([_HEAD, "## Commands\n", *_commands(), _SETTINGS, *_settings()])


def _commands() -> Iterator[str]:
    root = click.Context(main, info_name="trends", terminal_width=_WIDTH, **main.context_settings)
    yield _block(root)
    for task, group in COMMANDS.items():
        yield f"### {task}\n"
        for name in group:
            yield from map(_block, _leaves(root, name))


def _leaves(above: click.Context, name: str) -> Iterator[click.Context]:
    """A command below another; where it is a group, those below it, and itself where it runs alone too."""
    group = above.command
    command = group.get_command(above, name) if isinstance(group, click.Group) else None
    if command is None:
        raise LookupError(name)
    context = click.Context(command, info_name=name, parent=above, terminal_width=_WIDTH)
    if not isinstance(command, click.Group) or command.invoke_without_command:
        yield context
    if isinstance(command, click.Group):
        for below in command.list_commands(context):
            yield from _leaves(context, below)


def _block(context: click.Context) -> str:
    """A command's help under its name."""
    text = "\n".join(line.rstrip() for line in context.get_help().splitlines())
    return f"#### `{context.command_path}`\n\n```text\n{text}\n```\n"


def _settings() -> Iterator[str]:
    for section, of in section_types().items():
        told = field_docs(of)
        yield f"### `[{section}]`\n\n{(of.__doc__ or '').strip()}\n\n| key | default | |\n|---|---|---|"
        for key, field in of.model_fields.items():
            yield f"| `{key}` | {_default(field.get_default(call_default_factory=True))} | {_cell(told[key])} |"
        yield ""


def _default(value: Any) -> str:
    if value is PydanticUndefined or value is None:
        return "–"
    plain = value.get_secret_value() if isinstance(value, SecretStr) else to_jsonable_python(value)
    return f"`{_cell(json.dumps(plain, ensure_ascii=False))}`"


def _cell(text: str) -> str:
    """Text that stays in its cell of a table."""
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(reference(), encoding="utf-8")
    click.echo(f"written: {PAGE}", file=sys.stderr)
