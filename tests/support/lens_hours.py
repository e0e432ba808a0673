"""Hours of three posts, published with every lens as a run does."""

from batch_layer.publish import HourResult, Stamp, publish
from batch_layer.rank import Further, PostFields, rank_hour
from ingest.hours import Hour
from ingest.rule.hashtags import AS_IS
from serving.views.store import Store

HOUR = Hour.parse("2017-01-06T07")
ALL = Further(("bigram", "trigram"), by_source=True)
POSTS = [
    PostFields("x", "1", "pray for #Boston tonight", None, "en"),
    PostFields("x", "2", "#boston tonight", None, "en"),
    PostFields("bluesky", "1", "harbour flood", None, "en"),
]


def compute(
    store: Store,
    token: int,
    posts: list[PostFields] = POSTS,
    further: Further = ALL,
    hour: Hour = HOUR,
    *,
    complete: bool = True,
) -> None:
    """Publish an hour as a run does."""
    computed = HourResult(hour, rank_hour(posts, AS_IS, 1_000, further), (1,), complete)
    publish(store, [computed], Stamp(f"run-{token}", token, AS_IS.version), hour.end_ms)
