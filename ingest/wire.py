"""The bytes on Kafka: JSON, by msgspec. The only place that knows how a post, a use and a reject look there."""

from functools import lru_cache
from typing import NamedTuple

import msgspec

from config.errors import BadRecordError
from config.quantity import quantity
from ingest.hours import HOUR_MS, Hour, Millis
from ingest.post import Post
from ingest.rule.kinds import Kind

MAX_USE_BYTES = 4_000
"""Longest use: ingest refuses a post that would make a longer one, and a reader the use. No service lets a hashtag have
2,000 bytes, and the fewest rows that the speed layer counts in one transaction must fit it with any tags."""


class Use(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One post using one tag: a message of `hashtags`, whose key is the tag."""

    tag: str
    hour: str
    """`2017-01-06T07`: the post's time cut to the hour."""
    post: str
    source: str
    shown: str
    """The tag as this post spells it."""
    kind: Kind = "hashtag"
    """Kind of the tag: a phrase, where `ingest.kinds` sends some."""


class Reject(NamedTuple):
    """A record that some stage refused: a message of `rejects`. Its value is the record, the rest are headers."""

    raw: bytes
    stage: str
    """Which step refused it: `ingest`, `archive`, `speed`, a feed's source `feed/NAME` or its sink `feed/NAME/SINK`."""
    reason: str
    where: str
    """File and line, or topic, partition and offset: `posts/3@1200`."""
    reader: str = ""
    """Stage `ingest`: the format and its options as JSON, so that `trends rejects retry` can read it again."""
    attempts: int = 1
    """Number of refusals."""
    parked_at: Millis | None = None
    """Time of the first refusal, if a retry put it back into the topic; None: the time of its message."""

    @property
    def headers(self) -> list[tuple[str, bytes]]:
        """Kafka headers. A path may hold bytes that are no text: these come escaped."""
        headers = (("stage", self.stage), ("reason", self.reason), ("where", self.where), ("reader", self.reader))
        return [(name, value.encode(errors="backslashreplace")) for name, value in headers if value] + [
            ("attempts", str(self.attempts).encode()),
            *([] if self.parked_at is None else [("parked_at", str(self.parked_at).encode())]),
        ]


_encoder = msgspec.json.Encoder()
_post_decoder = msgspec.json.Decoder(Post)
_use_decoder = msgspec.json.Decoder(Use)

encode = _encoder.encode
"""A post or a use as bytes."""


def decode_post(value: bytes) -> Post:
    """A post from bytes. Raises `BadRecordError` with the path of the wrong field."""
    try:
        return _post_decoder.decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadRecordError(f"not a post: {error}") from None


def decode_use(value: bytes) -> Use:
    """A use from bytes; its reader checks the hour. Raises `BadRecordError` with the path of the wrong field."""
    if len(value) > MAX_USE_BYTES:
        raise BadRecordError(f"not a use: {quantity(len(value), 'byte')}, {MAX_USE_BYTES} are the most")
    try:
        return _use_decoder.decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadRecordError(f"not a use: {error}") from None


def use_of(post: Post, tag: str, shown: str, kind: Kind = "hashtag") -> Use:
    """The message for one tag of a post, or one phrase."""
    return Use(tag, _hour(post.created_at // HOUR_MS), post.id, post.source, shown, kind)


@lru_cache(4_096)
def _hour(serial: int) -> str:
    return str(Hour(serial))
