"""The cursors topic: up to where each source was read, as its last committed transaction says."""

from contextlib import closing
from typing import NamedTuple

import msgspec

from config.settings import KafkaSettings
from ingest.committed import consumer_of, ends, messages
from ingest.hours import Millis
from ingest.sources.base import Cursor


class _Value(NamedTuple):
    """A value of a key, and where and when it was written."""

    partition: int
    at: Millis
    raw: bytes


def read_cursor(settings: KafkaSettings, name: str) -> Cursor:
    """The last committed cursor of a source; `{}` where there is none. Raises `UnavailableError`.

    The topic is read up to where it ended when this was called. A transaction of some other source that is still open
    hides what was committed after it began, so it is waited for: at most as long as a transaction may stay open.
    """
    value = last_values(settings, open_too=True).get(name)
    cursor: Cursor = {} if value is None else msgspec.json.decode(value)
    return cursor


def last_values(settings: KafkaSettings, *, open_too: bool = False) -> dict[str, bytes]:
    """The last value of each key of the topic; `open_too` waits for transactions that are open.

    The topic is created with one partition. Where an operator has added some, a key may have values in two: then the
    later one by the broker's clock counts, and within a partition the one behind.
    """
    until = ends(settings, settings.cursors, open_too=open_too)
    found: dict[str, _Value] = {}
    with closing(consumer_of(settings, f"{settings.cursors}.reader")) as consumer:
        for message in messages(consumer, settings, settings.cursors, until):
            key = (message.key() or b"").decode(errors="replace")
            value = _Value(message.partition(), message.timestamp()[1], message.value() or b"{}")
            known = found.get(key)
            if known is None or known.partition == value.partition or known.at <= value.at:
                found[key] = value
    return {key: value.raw for key, value in found.items()}
