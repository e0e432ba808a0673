"""Attempt: one try to commit a chunk. Its name is that of its folder in `_tmp`."""

import re
from collections.abc import Mapping
from typing import NamedTuple
from uuid import UUID

HOURS = -1
"""The log of the hours, where compactions commit; every other log has the number of its Kafka partition."""

_NUMBER = re.compile(r"0|[1-9]\d{0,4}", re.ASCII)
_ATTEMPT = re.compile(r"(\d{1,9}|hours)\+(\d{20})\+([0-9a-f]{32})", re.ASCII)


class Attempt(NamedTuple):
    """One attempt to commit at an offset of a log. Of all attempts with the same start one wins."""

    log: int
    start: int
    uuid: UUID

    @property
    def name(self) -> str:
        """Its folder in `_tmp`."""
        return f"{log_name(self.log)}+{self.start:020d}+{self.uuid.hex}"

    def is_below(self, ends: Mapping[int, int]) -> bool:
        """Whether it began below the end of its log: a manifest stands there, so it has won or never will."""
        return self.start < ends.get(self.log, 0)

    @classmethod
    def of(cls, name: str) -> "Attempt | None":
        """The attempt whose folder has this name; None where it is none of ours."""
        found = _ATTEMPT.fullmatch(name)
        if found is None:
            return None
        return cls(HOURS if found[1] == "hours" else int(found[1]), int(found[2]), UUID(found[3]))


def log_name(log: int) -> str:
    """The folder of a log."""
    return "hours" if log == HOURS else f"{log:d}"


def partition_of(folder: str) -> int | None:
    """The Kafka partition of a log's folder in `_commit`; None for any other name."""
    return int(folder) if _NUMBER.fullmatch(folder) else None
