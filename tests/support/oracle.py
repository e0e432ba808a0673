"""What the answers must be, by other means: twenty lines that share only the extraction of hashtags with the project.

The conformance suite judges the extraction; this judges everything else: reading, time, hours, counting, order.
"""

import csv
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from ingest.rule.hashtags import in_text, normalise

Hours = dict[str, Counter[str]]
"""For each hour `2013-04-15T20` the uses of each tag."""


class Sent(NamedTuple):
    """A post as it was sent."""

    id: str
    hour: str
    tags: frozenset[str]


def posts_of_csv(path: Path) -> Iterator[Sent]:
    """The posts of a CrisisLex file: `'id'`, text, label; the time is in the id."""
    with path.open(newline="", encoding="utf-8") as lines:
        for number, text, *_ in list(csv.reader(lines))[1:]:
            seconds = ((int(number.strip("'")) >> 22) + 1288834974657) / 1000
            hour = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H")
            yield Sent(number.strip("'"), hour, frozenset(normalise(tag) for tag in in_text(text)))


def posts_of_json(values: Iterable[bytes]) -> Iterator[Sent]:
    """The posts of a topic, from its bytes."""
    for value in values:
        post = json.loads(value)
        hour = datetime.fromtimestamp(post["created_at"] / 1000, UTC).strftime("%Y-%m-%dT%H")
        spellings = in_text(post["text"]) if post.get("tags") is None else post["tags"]
        yield Sent(post["id"], hour, frozenset(normalise(tag) for tag in spellings))


def count(posts: Iterable[Sent], once: bool) -> Hours:
    """Uses by hour. `once` counts each post once, as the batch layer must; else as often as it was sent."""
    hours: Hours = defaultdict(Counter)
    seen: set[tuple[str, str]] = set()
    for post in posts:
        if not (once and (post.hour, post.id) in seen):
            seen.add((post.hour, post.id))
            hours[post.hour].update(post.tags)
    return dict(hours)


def top(counts: Counter[str], n: int = 10) -> list[tuple[str, int]]:
    """The first n: count descending, then tag ascending by code point."""
    return sorted(counts.items(), key=lambda each: (-each[1], each[0]))[:n]
