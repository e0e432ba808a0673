"""The cursors topic: up to where each source was read, as its last committed transaction says.

A cursor is kept with Kafka's id of the topic `posts` that everything before it was written to. If that topic was
recreated since, the posts are not in it, whatever the cursor says. Cursors of earlier versions have no id: they are
taken for cursors of the topic that is there.
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
    """A value of a key, and where and when it was written."""

    partition: int
    at: Millis
    raw: bytes


_TOPIC = "_posts"
"""Key of the topic's id inside a stored cursor; no source has such a key."""


class Stored(NamedTuple):
    """A cursor as it is stored."""

    cursor: Cursor
    topic_id: str
    """Of `posts`, when it was written; empty where it is unknown."""


def encode_cursor(cursor: Cursor, topic_id: str) -> bytes:
    """A cursor as it is stored."""
    return msgspec.json.encode({**cursor, _TOPIC: topic_id} if topic_id else cursor)


def read_cursor(settings: KafkaSettings, name: str) -> Cursor:
    """The last committed cursor of a source; `{}` where there is none. See `read_stored`."""
    return read_stored(settings, name).cursor


def read_stored(settings: KafkaSettings, name: str) -> Stored:
    """The last committed cursor of a source, and its topic; empty where there is none. Raises `UnavailableError`.

    The topic is read up to where it ended when this was called. A transaction of some other source that is still open
    hides what was committed after it began, so it is waited for: at most as long as a transaction may stay open.
    """
    value = last_values(settings, uncommitted=True).get(name)
    cursor: Cursor = {} if value is None else msgspec.json.decode(value)
    topic_id = str(cursor.pop(_TOPIC, ""))
    return Stored(cursor, topic_id)


def last_values(settings: KafkaSettings, *, uncommitted: bool = False) -> dict[str, bytes]:
    """The last value of each key of the topic; `uncommitted` waits for transactions that are open.

    The topic is created with one partition. Where an operator has added some, a key may have values in two: then the
    later one by the broker's clock counts, and within a partition the one behind.
    """
    until = ends(settings, settings.cursors, uncommitted=uncommitted)
    found: dict[str, _Value] = {}
    with closing(reader(settings, f"{settings.cursors}.reader")) as consumer:
        for message in messages(consumer, settings, settings.cursors, until):
            key = (message.key() or b"").decode(errors="replace")
            value = _Value(message.partition(), message.timestamp()[1], message.value() or b"{}")
            known = found.get(key)
            if known is None or known.partition == value.partition or known.at <= value.at:
                found[key] = value
    return {key: value.raw for key, value in found.items()}
