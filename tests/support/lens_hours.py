"""Hours of three posts, published with every lens as a run does."""

from batch_layer.publish import Computed, Stamp, publish
from batch_layer.rank import Arrived, Further, rank_hour
from ingest.hours import Hour
from ingest.rule.hashtags import AS_IS
from serving.views.client import Store

HOUR = Hour.parse("2017-01-06T07")
ALL = Further(("bigram", "trigram"), by_source=True)
POSTS = [
    Arrived("x", "1", "pray for #Boston tonight", None, "en"),
    Arrived("x", "2", "#boston tonight", None, "en"),
    Arrived("bluesky", "1", "harbour flood", None, "en"),
]


def compute(
    store: Store,
    token: int,
    posts: list[Arrived] = POSTS,
    further: Further = ALL,
    hour: Hour = HOUR,
    *,
    complete: bool = True,
) -> None:
    """Publish an hour as a run does."""
    computed = Computed(hour, rank_hour(posts, AS_IS, 1_000, further), (1,), complete)
    publish(store, [computed], Stamp(f"run-{token}", token, AS_IS.version), hour.end_ms)
