"""The contract of a live service: connections, records and the cursor. `ingest/sources/live/source.py` reads it."""

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
from ingest.sources.live.dedup import Memory, RecentKeys
from ingest.sources.live.request import ServiceRequest
from ingest.sources.selection import PostFilter
from ingest.sources.status import Gap

logger = logging.getLogger(__name__)

OnBytes = Callable[[int], None]
"""A connection calls it with the number of bytes received. Raises `DroppedError` if a record grows too long."""
Connection = AbstractAsyncContextManager[AsyncGenerator[bytes, None]]
"""An open connection: its records. Opening it raises `DroppedError` or `RefusedError`, as iterating does."""


class Service(ABC, Generic[T]):
    """Opens connections, and keeps the position of the reader. A new one is one folder and one line of the registry."""

    silence_s: float
    """The reader drops a connection after so long without a record or keep-alive. An instance may have its own."""
    polls: ClassVar[bool] = False
    """Whether each record is the answer to a poll: it shows that the connection is good, and is a batch by itself, of
    any size, even if it brings nothing new."""

    def __init__(self, name: str, reader: RecordReader[T], reading: Reading) -> None:
        self.name = name
        self.reader = reader
        self.where = ""
        """The server, for messages: without any secret."""
        self.until = 0
        """See `ingest.sources.live.source.LiveCursor`, as `last`."""
        self.last = 0
        self.newest: Millis | None = None
        """Time of the newest record, or of a keep-alive that shows that no newer one exists."""
        self.gaps: list[Gap] = []
        """Gaps to report with the next batch."""
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
        """Open a connection that resumes after `until` as far as the service can; call `gap` for the rest."""

    @abstractmethod
    def advance(self, record: bytes | None) -> None:
        """Move `until` after a record, or to a keep-alive (None). The source calls it before it reads the record."""

    @property
    def mark(self) -> int:
        """Position of the reader in the unit of `remember_since`. It only grows."""
        return self.until

    @abstractmethod
    def remember_since(self) -> int:
        """The earliest `mark` whose items a later connection may repeat: the cursor remembers items from there on."""

    def memory(self, packed: str) -> Memory[T]:
        """A memory for a run that begins now, from `Memory.pack` of the run before; empty at first."""
        return RecentKeys(packed, self.mark)

    @property
    def remark(self) -> str:
        """A fault of a service that answers all the same: the state of a connected source tells it."""
        return ""

    @property
    def over(self) -> bool:
        """Whether the source ends here. Most services never end."""
        return False

    def connection_failed(self) -> None:
        """A connection did not come to be, or gave no post that is new."""

    def gap(self, since: Millis, until: Millis, why: str) -> None:
        """Report a gap with the next batch."""
        logger.warning("%s: %.1f s are missing: %s", self.name, (until - since) / 1000, why)
        self.gaps.append(Gap(since=since, until=until, why=why))


def name_of(service: str, post_filter: PostFilter, *details: str) -> str:
    """The name of a source: equal for equal questions."""
    if post_filter.everything and not any(details):
        return service
    key = json.dumps([sorted(post_filter.langs), sorted(post_filter.tags), *details])
    return f"{service}:{hashlib.sha256(key.encode()).hexdigest()[:12]}"
