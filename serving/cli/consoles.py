"""Consoles: where commands draw tables and progress.

They read no markup, so that `[local]` or a tag in brackets is text; and a terminal obeys nothing that a text holds.
"""

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

from config.terminal_text import escape_controls
from serving.cli import streams

if TYPE_CHECKING:  # rich is loaded when something is drawn
    from rich.console import Console
    from rich.segment import Segment


def console(*, stderr: bool = False, soft_wrap: bool = False) -> "Console":
    """A console on standard output, or on standard error. Loads rich on first use."""
    from rich.console import Console as Terminal
    from rich.segment import Segment

    class Safe(Terminal):
        """Its own control codes go out as they are; in text they appear as codes."""

        def _render_buffer(self, buffer: "Iterable[Segment]") -> str:
            made_safe = (each if each.control else Segment(escape_controls(each.text), each.style) for each in buffer)
            return super()._render_buffer(made_safe)

    file = streams.as_is(sys.stderr if stderr else sys.stdout)
    return Safe(file=file, soft_wrap=soft_wrap, markup=False, emoji=False, highlight=False)
