"""Ranked views of random counts, for laws."""

from collections import Counter

from hypothesis import strategies as st

from ingest.hours import Hour
from serving.answers.merge import View
from serving.views.documents import Origin, Row, rank

TAGS = st.sampled_from(["a", "b", "paris", "é", "日本", "😀", "z" * 50])
COUNTS = st.dictionaries(TAGS, st.integers(1, 6), max_size=7)
BASE = Hour.parse("2017-01-06T07")


def view(hour: Hour, counts: dict[str, int], origin: Origin = "batch", keep: int = 1000) -> View:
    ranked = rank(Counter(counts))
    rows = tuple(Row(tag, tag.upper(), count) for tag, count in ranked[:keep])
    tied = sum(count == rows[-1].count for _, count in ranked[keep:]) if rows else 0
    return View(hour, origin, "final", rows, tied, sum(counts.values()), len(counts), 1, "1", 0)
