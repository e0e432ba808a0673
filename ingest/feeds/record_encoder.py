"""RecordEncoder: each record of a feed as one message of its topic, the value as JSON, with the key of the feed."""

import json
import math
from collections.abc import Callable
from typing import Any

import msgspec

from config.errors import BadRecordError, UsageError
from config.quantity import quantity
from config.settings import IngestSettings, KafkaSettings
from ingest.encoder import Counts, TransactionEncoder
from ingest.feeds.declaration.model import NamedFeed, TopicTable
from ingest.feeds.record import Record
from ingest.feeds.rows.canonical_json import json_text
from ingest.feeds.rows.expressions import compile_search
from ingest.kafka.transactions import Outgoing
from ingest.sources.base import Batch, Cursor
from ingest.wire import Reject

VALUE: dict[str, Any] = {"format": "value"}
"""The reader of a record that the encoder refused: its bytes are the value as JSON."""
_NULL = b"null"
"""JSON has no NaN, and the encoder writes null in its place."""

_encode = msgspec.json.Encoder().encode


class RejectOrigin(msgspec.Struct, frozen=True):
    """Where a reject of a feed's source comes from: its `Reject.reader`, as JSON."""

    topic: str
    """The topic that the feed filled: its variables may name another one now."""
    reader: dict[str, Any]
    """Spec of the reader that can read it again."""


class RecordEncoder(TransactionEncoder[Record]):
    """Encodes records, each as one message, or as a reject if it does not fit."""

    def __init__(self, settings: KafkaSettings, ingest: IngestSettings, feed: NamedFeed) -> None:
        """Raises `UsageError` for a feed without a topic, and for a key that does not compile."""
        topic = topic_of(feed)
        super().__init__(settings, ingest, topic.name)
        self.stage = stage_of(feed)
        self._key = _compile_key(topic, feed.name)

    def encode_batch(
        self, batch: Batch[Record], name: str, topic_id: str = "", before: Cursor | None = None
    ) -> tuple[Outgoing, Counts]:
        """See `TransactionEncoder`. The rejects get the topic."""
        rejects = [self._with_origin(reject) for reject in batch.rejects]
        return super().encode_batch(batch._replace(rejects=rejects), name, topic_id, before)

    def add_item(self, outgoing: Outgoing, item: Record) -> Reject | None:
        """See `TransactionEncoder`: the message of a record."""
        try:
            outgoing.messages.append((self.topic, *self._message(item.value)))
        except BadRecordError as error:
            return Reject(_raw(item.value), self.stage, error.reason, item.name[:200], self._origin(VALUE))
        return None

    def _with_origin(self, reject: Reject) -> Reject:
        return reject._replace(reader=self._origin(json.loads(reject.reader))) if reject.reader else reject

    def _origin(self, reader: dict[str, Any]) -> str:
        return _encode(RejectOrigin(self.topic, reader)).decode()

    def _message(self, value: Any) -> tuple[bytes, bytes | None]:
        try:
            encoded = _encode(value)
            key = self._key(value) if self._key is not None else None
        except UnicodeEncodeError:
            raise BadRecordError("holds half a character (a lone surrogate)") from None
        except RecursionError:
            raise BadRecordError("nested too deep") from None
        except (TypeError, ValueError, OverflowError) as error:
            raise BadRecordError(f"no JSON: {error}") from None
        if _NULL in encoded and not _is_finite(value):
            raise BadRecordError("holds a number that JSON has not: NaN or infinity")
        size = len(encoded) + len(key or b"")
        if size > self._most:
            raise BadRecordError(f"a record of {quantity(size, 'byte')}; ingest.max_post_bytes is {self._most}")
        return encoded, key


def stage_of(feed: NamedFeed) -> str:
    """The stage of a feed's source, as its rejects name it."""
    return f"feed/{feed.name}"


def topic_of(feed: NamedFeed) -> TopicTable:
    """The topic of a feed. Raises `UsageError` where it has none."""
    if feed.declaration.topic is None:
        raise UsageError("it has no topic", where=f"feed {feed.name}", next_step="Give its file a [topic]")
    return feed.declaration.topic


def _compile_key(topic: TopicTable, feed: str) -> Callable[[Any], bytes | None] | None:
    if topic.key is None:
        return None
    try:
        search = compile_search(topic.key)
    except UsageError as error:
        raise UsageError(error.what, where=f"feed {feed}: topic.key") from None
    return lambda value: _key_bytes(search(value))


def _key_bytes(key: Any) -> bytes | None:
    """A text as it is, null as no key, anything else as JSON that is equal for equal keys."""
    if key is None:
        return None
    return (key if isinstance(key, str) else json_text(key)).encode()


def _is_finite(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, dict):
        return all(map(_is_finite, value.values()))
    return not isinstance(value, list | tuple) or all(map(_is_finite, value))


def _raw(value: Any) -> bytes:
    """What can be shown of a value that has no JSON."""
    try:
        return json.dumps(value, ensure_ascii=True).encode()
    except (TypeError, ValueError, RecursionError):
        return b""
