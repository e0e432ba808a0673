"""The rule, for engines that hold columns: texts and their hours to one row a use."""

from collections.abc import Iterable

import pyarrow as pa

from ingest.hours import Hour
from ingest.rule.hashtags import AS_IS


def uses_of(hours: Iterable[int], texts: Iterable[str]) -> pa.Table:
    """Columns `hour` and `tag`, a row for each tag that a text uses."""
    names: dict[int, str] = {}
    found: tuple[list[str], list[str]] = ([], [])
    for hour, text in zip(hours, texts, strict=True):
        for tag in AS_IS.tags(text, None):
            found[0].append(names.get(hour) or names.setdefault(hour, str(Hour(hour))))
            found[1].append(tag)
    return pa.table({"hour": pa.array(found[0], pa.string()), "tag": pa.array(found[1], pa.string())})
