"""Spelling: one name for a tag in a whole answer. Pure.

A tag counts in any spelling, and each hour has its own most used one: `News` in one hour, `NEWS` in the next. An answer
over several hours shows the spelling with most uses in its hours, where an hour's uses of a tag count for the spelling
that the hour shows. Of equal ones it shows the first by code point. So the order of the hours never decides.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from serving.views.documents import Row


class TagSums:
    """Uses of each tag in several hours, and the spelling that most of them have.

    Holds one spelling of a tag, and counts of several only if hours differ: few tags do.
    """

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self._first: dict[str, str] = {}
        self._several: dict[str, dict[str, int]] = {}

    def add(self, rows: Iterable[Row]) -> None:
        """Add the rows of one hour."""
        counts, first = self.counts, self._first
        for row in rows:
            before = counts.get(row.tag, 0)
            if first.setdefault(row.tag, row.shown) != row.shown or row.tag in self._several:
                spelled = self._several.setdefault(row.tag, {first[row.tag]: before})
                spelled[row.shown] = spelled.get(row.shown, 0) + row.count
            counts[row.tag] = before + row.count

    def shown(self, tag: str) -> str:
        """The spelling of a tag that has uses."""
        spelled = self._several.get(tag)
        return self._first[tag] if spelled is None else by_uses(spelled)[0][0]

    def named(self, row: Row) -> Row:
        """A row of one hour under the name of all hours."""
        shown = self.shown(row.tag)
        return row if shown == row.shown else replace(row, shown=shown)


def by_uses(spelled: Mapping[str, int]) -> list[tuple[str, int]]:
    """Spellings with their uses: most uses first, then by code point."""
    return sorted(spelled.items(), key=lambda each: (-each[1], each[0]))
