"""Comparison: several tags hour by hour, over the same hours. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from config.errors import UsageError
from config.quantity import quantity
from ingest.hours import Hour
from serving.answers.history import History
from serving.answers.rule_versions import Rules
from serving.views.documents import Lens

MOST_TAGS = 5
"""Tags of one comparison: as many as a chart keeps apart without colours."""


@dataclass(frozen=True)
class Comparison:
    """The histories of two to five tags, in the order of the question. At least one tag has a use."""

    histories: tuple[History, ...]

    @property
    def since(self) -> Hour:
        """The first hour."""
        return self.histories[0].since

    @property
    def until(self) -> Hour:
        """The hour after the last."""
        return self.histories[0].until

    @property
    def lens(self) -> Lens:
        """The lens of all histories."""
        return self.histories[0].lens

    @property
    def missing(self) -> tuple[Hour, ...]:
        """Hours without data."""
        return self.histories[0].missing

    @property
    def rules(self) -> Rules:
        """The versions of the rule behind the hours."""
        return self.histories[0].rules

    @property
    def most(self) -> int:
        """The most uses of a tag in an hour."""
        return max(each.best.count or 0 for each in self.histories if each.best)


def distinct_tags(tags: Sequence[str]) -> list[str]:
    """The tags of a question, each once. Raises `UsageError` for more than a comparison has."""
    distinct = list(dict.fromkeys(tags))
    if len(distinct) > MOST_TAGS:
        what = f"{quantity(len(distinct), 'tag')} are more than one chart keeps apart"
        raise UsageError(what, next_step=f"Name up to {MOST_TAGS}", parameters=["name"])
    return distinct
