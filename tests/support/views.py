"""Views: batch documents and speed rows as the layers leave them."""

import time
from collections import Counter
from collections.abc import Sequence

from ingest.hours import HOUR_MS, Hour
from ingest.post import Post
from ingest.rule.hashtags import AS_IS
from serving.views.documents import USES, BatchView, Row, use_id
from serving.views.store import Store

HOUR = Hour.parse("2017-01-06T07")


def view(token: int, count: int = 5, hour: Hour = HOUR) -> BatchView:
    rows = (Row("paris", "Paris", count), Row("rain", "rain", 1))
    return BatchView(
        hour, rows, 0, count + 1, 2, count, "1", f"run-{token}", token, (7, 9), complete=True, dirty=False,
        computed_at=HOUR.end_ms,
    )  # fmt: skip


def put_use(store: Store, tag: str, count: int, hour: Hour = HOUR) -> None:
    row = {
        "_id": use_id(str(hour), tag),
        "hour": str(hour),
        "tag": tag,
        "shown": tag,
        "origin": "speed",
        "count": count,
    }
    store.collection(USES).insert_one(row)


LATER = time.time_ns() // 1_000_000 + 10 * HOUR_MS
"""So late that nothing is too young to be a suspect."""


def view_of_posts(hour: Hour, posts: Sequence[Post], covered: tuple[int, ...]) -> BatchView:
    counts = Counter(tag for post in posts for tag in AS_IS.tags(post.text, post.tags))
    ranked = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    return BatchView(
        hour=hour, rows=tuple(Row(tag, tag, count) for tag, count in ranked), tied_beyond=0, uses=counts.total(),
        tags=len(counts), posts=len(posts), rule=AS_IS.version, run="hand", token=covered[0], covered=covered,
        complete=True, dirty=False, computed_at=LATER,
    )  # fmt: skip
