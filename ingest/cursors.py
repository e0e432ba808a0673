"""Cursors: the place in each source behind its last committed transaction, in the topic of cursors.

A cursor holds Kafka's id of the topic `posts` that has everything before it. If somebody recreates that topic, the
posts are not in it, and the ids differ. Cursors of earlier versions have no id: they count as cursors of the topic of
now.
"""

from contextlib import closing
from typing import NamedTuple

import msgspec

from config.settings import KafkaSettings
from ingest.hours import Millis
from ingest.kafka.offsets import ends
from ingest.kafka.reading import messages, reader
from ingest.sources.base import Cursor


class _Value(NamedTuple):
    """A value of a key, its partition and its time."""

    partition: int
    at: Millis
    raw: bytes


_TOPIC = "_posts"
"""Key of the topic's id inside a stored cursor; no source has such a key."""


class StoredCursor(NamedTuple):
    """A cursor, and the topic that has everything before it."""

    cursor: Cursor
    topic_id: str
    """Of `posts` at the time of the cursor; empty if unknown."""


def encode_cursor(cursor: Cursor, topic_id: str) -> bytes:
    """The value of a cursor in the topic."""
    return msgspec.json.encode({**cursor, _TOPIC: topic_id} if topic_id else cursor)


def read_stored_cursor(settings: KafkaSettings, name: str) -> StoredCursor:
    """The last committed cursor of a source, and its topic; empty if there is none. Raises `UnavailableError`.

    This reads the topic up to its end at the call. An open transaction of another source hides later messages, so this
    waits for it: at most as long as a transaction may stay open.
    """
    value = last_values(settings, uncommitted=True).get(name)
    cursor: Cursor = {} if value is None else msgspec.json.decode(value)
    topic_id = str(cursor.pop(_TOPIC, ""))
    return StoredCursor(cursor, topic_id)


def last_values(settings: KafkaSettings, *, uncommitted: bool = False) -> dict[str, bytes]:
    """The last value of each key of the topic; `uncommitted` waits for transactions that are open.

    The topic begins with one partition. If an operator adds some, a key may have values in two: then the later one by
    the broker's clock counts, and within a partition the last one.
    """
    until = ends(settings, settings.cursors, uncommitted=uncommitted)
    last: dict[str, _Value] = {}
    with closing(reader(settings, f"{settings.cursors}.reader")) as consumer:
        for message in messages(consumer, settings, settings.cursors, until):
            key = (message.key() or b"").decode(errors="replace")
            value = _Value(message.partition(), message.timestamp()[1], message.value() or b"{}")
            known = last.get(key)
            if known is None or known.partition == value.partition or known.at <= value.at:
                last[key] = value
    return {key: value.raw for key, value in last.items()}
