"""The cursors topic: up to where each source was read, as its last committed transaction says."""

from contextlib import closing

import msgspec

from config.settings import KafkaSettings
from ingest.committed import consumer_of, ends, messages
from ingest.sources.base import Cursor


def read_cursor(settings: KafkaSettings, name: str) -> Cursor:
    """The last committed cursor of a source; `{}` where there is none. Raises `UnavailableError`.

    The topic is read up to where it ended when this was called. A transaction of some other source that is still open
    hides what was committed after it began, so it is waited for: at most as long as a transaction may stay open.
    """
    value = last_values(settings, open_too=True).get(name)
    cursor: Cursor = {} if value is None else msgspec.json.decode(value)
    return cursor


def last_values(settings: KafkaSettings, *, open_too: bool = False) -> dict[str, bytes]:
    """The last value of each key of the topic; `open_too` waits for transactions that are open."""
    until = ends(settings, settings.cursors, open_too=open_too)
    found: dict[str, bytes] = {}
    with closing(consumer_of(settings, f"{settings.cursors}.reader")) as consumer:
        for message in messages(consumer, settings, settings.cursors, until):
            found[(message.key() or b"").decode(errors="replace")] = message.value() or b"{}"
    return found
