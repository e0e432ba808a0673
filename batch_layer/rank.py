"""What an hour's top is: the pure definition that hourly runs, recomputations and the full history share.

    posts as they arrived -> each (source, id) once -> the rule -> counts and spellings -> ranked rows

Nothing here knows Spark. `batch_layer.arrow` feeds it from sorted Arrow batches, and tests from lists.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from ingest.hashtags import Rule
from serving.views import Row, rank

MOST_BYTES = 12_000_000
"""Of an hour's rows: a MongoDB document may have 16 MiB."""
_ROW_BYTES = 64
"""Of a row beside its tag and spelling."""


class Arrived(NamedTuple):
    """What the definition needs of a post."""

    source: str
    id: str
    text: str | None
    """None stands for any text that has no `#` or `＃`, hence no hashtag."""
    tags: Iterable[str] | None
    """Hashtags that the source itself names, or None."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """One hour, counted and ranked."""

    rows: tuple[Row, ...]
    """The first `keep` tags, fewer where they are huge: count descending, then tag ascending by code point."""
    tied_beyond: int
    """Tags that were not kept though they have the last kept row's count."""
    uses: int
    tags: int
    """Distinct tags, those that were not kept included."""
    posts: int
    """Distinct (source, id)."""
    read: int
    """Posts as they arrived, those sent twice included: what the manifests count."""


def rank_hour(posts: Iterable[Arrived], rule: Rule, keep: int) -> Ranked:
    """One hour's posts, in order of (partition, offset), as its ranked tags.

    A post that was sent again is counted as it arrived first. Memory: the names of the hour's posts and its tags.
    """
    seen: set[tuple[str, str]] = set()
    spelled: Counter[tuple[str, str]] = Counter()
    read = 0
    for source, post_id, text, tags in posts:
        read += 1
        name = (source, post_id)
        if name not in seen:
            seen.add(name)
            if text or tags:
                spelled.update(rule.tags(text or "", tags).items())
    counts, shown = _by_tag(spelled)
    ranked = rank(counts)
    rows = tuple(_fitting(Row(tag, shown[tag], count) for tag, count in ranked[:keep]))
    tied = sum(count == rows[-1].count for _, count in ranked[len(rows) :]) if rows else 0
    return Ranked(rows, tied, sum(counts.values()), len(counts), len(seen), read)


def _fitting(rows: Iterable[Row]) -> Iterator[Row]:
    """The first rows, as far as one document can hold them."""
    left = MOST_BYTES
    for row in rows:
        left -= len(row.tag.encode()) + len(row.shown.encode()) + _ROW_BYTES
        if left < 0:
            return
        yield row


def _by_tag(spelled: Mapping[tuple[str, str], int]) -> tuple[dict[str, int], dict[str, str]]:
    """Counts by tag, and for each tag the spelling most used; of equals the first by code point."""
    counts: dict[str, int] = {}
    best: dict[str, tuple[int, str]] = {}
    for (tag, spelling), count in spelled.items():
        counts[tag] = counts.get(tag, 0) + count
        offered = (-count, spelling)
        if tag not in best or offered < best[tag]:
            best[tag] = offered
    return counts, {tag: spelling for tag, (_, spelling) in best.items()}
