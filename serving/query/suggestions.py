"""Suggestions: the user's command again, for hours that have data. Pure.

A query without data ends with the hours that have data, and a command to try. Hours are written in UTC, so
that the command means the same in whatever zone somebody asked.
"""

import shlex
from collections.abc import Callable

from ingest.hours import Hour
from serving.views.documents import Lens

Suggest = Callable[[Hour, Hour, Lens], str]
"""Makes a command from the first and the last hour with data, and the lens."""
_TAG_HOURS = 168
"""Hours of a tag's history in a suggestion: as many as `trends tag` shows by itself."""


def top(_first: Hour, last: Hour, lens: Lens) -> str:
    """An hour's ranking."""
    return f"trends top --hour {last}{lens.options}"


def rising(_first: Hour, last: Hour, lens: Lens) -> str:
    """The rising tags of an hour."""
    return f"trends rising --hour {last}{lens.options}"


def export(first: Hour, last: Hour, lens: Lens) -> str:
    """All hours."""
    return f"trends export --since {first} --until {last.plus(1)}{lens.options}"


def explain(_first: Hour, last: Hour, _lens: Lens) -> str:
    """Where an hour's answer came from."""
    return f"trends explain --hour {last}"


def day(_first: Hour, last: Hour, lens: Lens) -> str:
    """A day hour by hour."""
    return f"trends day --date {last.start:%Y-%m-%d}{lens.options}"


def tag(*names: str) -> Suggest:
    """The history of one tag or several."""
    return _over_a_week(f"trends tag {shlex.join(names)}")


def posts(name: str) -> Suggest:
    """Posts of one tag."""
    return _over_a_week(f"trends posts {shlex.quote(name)}")


def _over_a_week(command: str) -> Suggest:
    def suggest(first: Hour, last: Hour, lens: Lens) -> str:
        return f"{command} --since {week_before(first, last)} --until {last.plus(1)}{lens.options}"

    return suggest


def week_before(first: Hour, last: Hour) -> Hour:
    """The first of the hours with data that a suggestion about a tag names: the last one ends it."""
    return max(first, last.plus(1 - _TAG_HOURS))
