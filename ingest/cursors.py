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
    key = name.encode()
    cursor: Cursor = {}
    until = ends(settings, settings.cursors, open_too=True)
    with closing(consumer_of(settings, f"{settings.cursors}.reader")) as consumer:
        for message in messages(consumer, settings, settings.cursors, until):
            if message.key() == key:
                cursor = msgspec.json.decode(message.value())
    return cursor
