"""Recorded posts for a scenario: in the order in which they were written, half of them before the faults."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ingest.hours import Hour
from tests.support.oracle import Sent, posts_of_csv


@dataclass(frozen=True)
class Load:
    """Recorded posts in the order in which they were written: half of them there before, half of them under fire.

    So hours of the first half become complete, and are computed, while those of the second are counted.
    """

    before: Path
    under_fire: Path
    rate: int
    """How many of the second half come in each second while faults strike."""

    @classmethod
    def of(cls, files: Sequence[Path], folder: Path, rate: int) -> "Load":
        """The posts of some CrisisLex files."""
        rows: list[list[str]] = []
        for file in files:
            with file.open(newline="", encoding="utf-8") as lines:
                header, *found = csv.reader(lines)
                rows += found
        rows.sort(key=lambda row: int(row[0].strip("'")))
        made = cls(folder / "before.csv", folder / "under-fire.csv", rate)
        for path, half in ((made.before, rows[: len(rows) // 2]), (made.under_fire, rows[len(rows) // 2 :])):
            with path.open("w", newline="", encoding="utf-8") as lines:
                csv.writer(lines).writerows([header, *half])
        return made

    @property
    def posts(self) -> list[Sent]:
        """All of them."""
        return [post for path in (self.before, self.under_fire) for post in posts_of_csv(path)]

    @property
    def command(self) -> list[str]:
        """What brings the second half, going on where it was stopped."""
        return ["trends", "ingest", "file", str(self.under_fire)]


def half_of(sent: Sequence[Sent]) -> float:
    """Half of the time between the first and the last hour, seconds."""
    hours = [Hour.parse(post.hour).start for post in sent]
    return (max(hours) - min(hours)).total_seconds() / 2
