"""Post reader: a message of the topic `posts` as a record, with the hour of its event time as the label."""

from msgspec.structs import asdict

from batch_layer.archive.avro import Record
from batch_layer.delivery.chunk import Reader
from config.errors import BadRecordError
from ingest.hours import HOUR_MS, Millis, check_event_time, check_received
from ingest.kafka.message import Message
from ingest.wire import decode_post


def post_reader(future_ms: int) -> Reader[int, Record]:
    """A reader of posts; the label is the serial of the hour. `future_ms`: how far ahead an event time may be."""

    def read(message: Message, now: Millis) -> tuple[int, Record]:
        if message.value is None:
            raise BadRecordError("not a post: an empty message")
        post = decode_post(message.value)
        check_event_time(post.created_at, now, future_ms)
        check_received(post.received_at)
        record = asdict(post)
        if post.tags is not None:
            record["tags"] = list(post.tags)  # fastavro takes a tuple in a union for (type, value)
        record["partition"] = message.partition
        record["offset"] = message.offset
        return post.created_at // HOUR_MS, record

    return Reader("archive", read)
