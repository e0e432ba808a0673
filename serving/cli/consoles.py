"""Consoles: where rich draws for a command. Text is data: no `[word]` in it is read as markup, no `:word:` as an emoji.

A style is given beside a text (`Text(text, style="bold")`), never inside of it.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


def console(*, stderr: bool = False, soft_wrap: bool = False) -> "Console":
    """A console on standard output, or on standard error. rich is loaded when the first is made."""
    from rich.console import Console as Terminal

    return Terminal(stderr=stderr, soft_wrap=soft_wrap, markup=False, emoji=False, highlight=False)
