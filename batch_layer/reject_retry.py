"""PostRetry: reads posts again that the archiver refused: stage `archive`."""

from collections.abc import Callable
from typing import NamedTuple

from ingest.hours import Millis, check_event_time, check_received
from ingest.rejects.stage import Rewrite
from ingest.wire import Reject, decode_post


class PostRetry(NamedTuple):
    """Checks a post by the clock as the archiver does, and writes it to its topic again."""

    topic: str
    now: Callable[[], Millis]
    future_ms: int

    def read_again(self, reject: Reject) -> Rewrite:
        """See `ingest.rejects.stage.ReadAgain`. The uses of the post are in Kafka since its first time."""
        post = decode_post(reject.raw)
        check_event_time(post.created_at, self.now(), self.future_ms)
        check_received(post.received_at)
        return Rewrite([(self.topic, reject.raw, post.id.encode())], posts=1)
