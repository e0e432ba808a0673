"""Outcome: the hours that a run of the batch layer published, and those that it could not compute."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from batch_layer.archive.reading.coverage import CoversLessError
from batch_layer.publish import Change
from config.errors import TrendsError
from ingest.hours import Hour


class PublishedHour(NamedTuple):
    """One hour that a run has published."""

    hour: Hour
    posts: int
    uses: int
    tags: int
    complete: bool


@dataclass(slots=True)
class Outcome:
    """Result of a run."""

    run: str = ""
    hours: list[PublishedHour] = field(default_factory=list)
    posts: int = 0
    """Posts read, repeated ones included."""
    resumed: int = 0
    """Hours that an earlier attempt of this run had published."""
    refused: int = 0
    """Hours that a newer run had published already."""
    changes: list[Change] = field(default_factory=list)
    failed: list[tuple[Hour, TrendsError]] = field(default_factory=list)
    seconds: float = 0.0

    def leave(self, less: Sequence[CoversLessError]) -> None:
        """Count hours as not computed, since their documents cover more."""
        left = {error.hour for error in less}
        self.hours = [done for done in self.hours if done.hour not in left]
        self.failed += [(error.hour, error) for error in less]


class PartlyDoneError(TrendsError):
    """A run could not compute some hours; it published all others."""

    def __init__(self, outcome: Outcome) -> None:
        hour, first = outcome.failed[0]
        others = f" (and {len(outcome.failed) - 1} more)" if len(outcome.failed) > 1 else ""
        super().__init__(f"not computed: {hour}{others}: {first.what}", where=first.where, next_step=first.next_step)
        self.outcome = outcome
