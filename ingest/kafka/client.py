"""Kafka client log: what librdkafka reports by itself, without the repetitions (twice a second while a broker is down).

A client without this logger writes to standard error by itself, past every level and filter: a house test finds it.
"""

import logging

AGAIN_AFTER_S = 15.0
"""After how long a message of the same kind is let through again, seconds."""

RETRIED = frozenset({"GETPID"})
"""Kinds of what the client tries again by itself, and raises in the end: a broker that has just started is one."""


class Seldom(logging.Filter):
    """Lets one message of a kind through in `AGAIN_AFTER_S`; the kind is the client's own word, such as `FAIL`."""

    def __init__(self) -> None:
        super().__init__()
        self._last: dict[object, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether it is said."""
        kind = record.args[0] if isinstance(record.args, tuple) and record.args else record.msg
        if kind in RETRIED or record.created - self._last.get(kind, 0.0) < AGAIN_AFTER_S:
            return False
        self._last[kind] = record.created
        return True


logger = logging.getLogger("kafka")
"""Pass it to every client: `Producer(…, logger=logger)`."""
logger.addFilter(Seldom())
