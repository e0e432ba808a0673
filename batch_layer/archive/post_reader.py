"""How the archiver reads a message of the topic `posts`: as a record, labelled with the hour of its event time.

The same checks again decide about a reject of the archiver, stage `archive`, that somebody retries.
"""

from collections.abc import Callable
from typing import NamedTuple

from msgspec.structs import asdict

from batch_layer.archive.avro import Record
from batch_layer.delivery.chunk import Reader
from config.errors import BadRecordError
from ingest.hours import HOUR_MS, Millis, check_event_time, check_received
from ingest.kafka.message import Message
from ingest.post import Post
from ingest.rejects.stage import Rewrite
from ingest.wire import Reject, decode_post


def post_reader(future_ms: int) -> Reader[int, Record]:
    """A reader of posts; the label is the serial of the hour. `future_ms`: how far ahead an event time may be."""

    def read(message: Message, now: Millis) -> tuple[int, Record]:
        if message.value is None:
            raise BadRecordError("not a post: an empty message")
        post = _sound_post(message.value, now, future_ms)
        record = asdict(post)
        if post.tags is not None:
            record["tags"] = list(post.tags)  # fastavro takes a tuple in a union for (type, value)
        record["partition"] = message.partition
        record["offset"] = message.offset
        return post.created_at // HOUR_MS, record

    return Reader("archive", read)


class PostRetry(NamedTuple):
    """Checks a post by the clock as the archiver does, and writes it to its topic again."""

    topic: str
    now: Callable[[], Millis]
    future_ms: int

    def read_again(self, reject: Reject) -> Rewrite:
        """See `ingest.rejects.stage.ReadAgain`. The uses of the post are in Kafka since its first time."""
        post = _sound_post(reject.raw, self.now(), self.future_ms)
        return Rewrite([(self.topic, reject.raw, post.id.encode())], posts=1)


def _sound_post(value: bytes, now: Millis, future_ms: int) -> Post:
    post = decode_post(value)
    check_event_time(post.created_at, now, future_ms)
    check_received(post.received_at)
    return post
