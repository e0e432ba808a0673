"""One log for each part of a feed: `state/logs/<feed>.<part>.log`, beside the log of the whole process."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from logging.handlers import RotatingFileHandler

from config.redaction import RedactingFormatter
from config.settings import Settings
from config.stack.paths import StackPaths

MOST_BYTES = 5_000_000
"""A log that grows larger becomes `….log.1`; the one before it goes."""


@contextmanager
def part_logs(settings: Settings, feed: str, parts: Sequence[str]) -> Iterator[None]:
    """Inside, what the thread of a part logs also goes to a file of its own."""
    folder = StackPaths.of(settings.stack).log(feed).parent
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    handlers = []
    for part in parts:
        handler = RotatingFileHandler(
            folder / f"{feed}.{part}.log", maxBytes=MOST_BYTES, backupCount=1, encoding="utf-8", delay=True
        )
        handler.setFormatter(RedactingFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        handler.addFilter(_OfThread(part))
        handlers.append(handler)
        logging.getLogger().addHandler(handler)
    try:
        yield
    finally:
        for handler in handlers:
            logging.getLogger().removeHandler(handler)
            handler.close()


class _OfThread(logging.Filter):
    """Lets pass what one thread logs."""

    def __init__(self, thread: str) -> None:
        super().__init__()
        self._thread = thread

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is of the thread."""
        return record.threadName == self._thread
