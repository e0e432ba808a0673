"""A service whose posts are read live: what each of them knows. How it is read is `ingest/sources/live/source.py`."""

import hashlib
import json
import logging
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, ClassVar, Generic, Self

from ingest.hours import Millis
from ingest.sources.base import T
from ingest.sources.formats.contract import Reading, RecordReader
from ingest.sources.live.request import ServiceRequest
from ingest.sources.selection import PostFilter
from ingest.sources.status import Gap

logger = logging.getLogger(__name__)

OnBytes = Callable[[int], None]
"""To be called with the number of bytes whenever some came. Raises `DroppedError` where a record grows too long."""
Connection = AbstractAsyncContextManager[AsyncGenerator[bytes, None]]
"""An open connection: its records. Opening it raises `DroppedError` or `RefusedError`, as iterating does."""


class Service(ABC, Generic[T]):
    """Opens connections and knows how far it is read. A new one is one file with a subclass, and one registry line."""

    silence_s: ClassVar[float]
    """A connection that gives nothing, not even a sign of life, for so long is dropped."""

    def __init__(self, name: str, reader: RecordReader[T], reading: Reading) -> None:
        self.name = name
        self.reader = reader
        self.where = ""
        """The server that is read, as people may see it: without any secret."""
        self.until = 0
        """See `ingest.sources.live.source.LiveCursor`, as `last`."""
        self.last = 0
        self.newest: Millis | None = None
        """Up to which moment it is read: that of the newest record, or of a sign that there is no newer one."""
        self.gaps: list[Gap] = []
        """What was found missing and is not told yet."""
        self.now = reading.now
        """The wall clock, milliseconds."""

    @classmethod
    def from_request(cls, request: ServiceRequest[Any]) -> Self:
        """The service for a command of the user. A class that an entry of the registry names has to define it.

        Raises `UsageError` for options or settings that do not fit.
        """
        raise NotImplementedError(request)

    @abstractmethod
    def connect(self, on_bytes: OnBytes) -> Connection:
        """Open a connection that goes on behind `until` as far as the service can; `gap` tells what it can't."""

    @abstractmethod
    def advance(self, record: bytes | None) -> None:
        """Move `until` behind a record, or, where there is none, to a sign of life. Told before the record is read."""

    @property
    def mark(self) -> int:
        """How far it is read, by what tells what may come again. It only grows."""
        return self.until

    @abstractmethod
    def remember_since(self) -> int:
        """From which earlier `mark` on the cursor has to remember what was given."""

    def connection_failed(self) -> None:
        """A connection did not come to be, or gave no post that is new."""

    def gap(self, since: Millis, until: Millis, why: str) -> None:
        """Tell with the next batch that something is missing."""
        logger.warning("%s: %.1f s are missing: %s", self.name, (until - since) / 1000, why)
        self.gaps.append(Gap(since=since, until=until, why=why))


def name_of(service: str, post_filter: PostFilter, *details: str) -> str:
    """The name of a source: equal for equal questions."""
    if post_filter.everything and not any(details):
        return service
    key = json.dumps([sorted(post_filter.langs), sorted(post_filter.tags), *details])
    return f"{service}:{hashlib.sha256(key.encode()).hexdigest()[:12]}"
