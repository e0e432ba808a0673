"""Table model: stages over a topic and doubles of tables, one action at a time, for laws."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, Protocol, cast

from batch_layer.delivery.chunk import Chunk, Reader
from batch_layer.sinks.postgres.postgres_sink import PostgresWriter
from batch_layer.sinks.postgres.row_copy import TableRow
from batch_layer.sinks.postgres.table_commit import TableDelivery
from config.errors import BadRecordError, FencedError, UnavailableError
from ingest.hours import Millis
from ingest.kafka.message import Message
from ingest.wire import Reject
from tests.support.table_double import POISON, Crash, TableDouble, Work

ROW, JUNK, OUT = b"row", b"junk", b"out"
KINDS = [ROW, ROW, ROW, ROW, JUNK, POISON, OUT]


def _read(message: Message, _: Millis) -> tuple[str, TableRow] | None:
    if message.value == JUNK:
        raise BadRecordError("not JSON")
    return None if message.value == OUT else ("", TableRow(message.offset, (), message.value or b""))


READER = Reader("feed/law/table", _read)


class Source(Protocol):
    """What a stage reads."""

    low: int

    def read(self, position: int, count: int) -> list[tuple[int, bytes]]:
        """Offsets and values from a position on; nothing where retention has deleted that."""


class FeedTopic:
    """One partition: messages at offsets with gaps, of which retention takes the first."""

    def __init__(self) -> None:
        self.messages: list[tuple[int, bytes]] = []
        self.low = self.end = 0

    def accept(self, kinds: Sequence[bytes], gap: int) -> None:
        """One transaction, and offsets behind it that hold no message."""
        for kind in kinds:
            self.messages.append((self.end, kind))
            self.end += 1
        self.end += gap

    def read(self, position: int, count: int) -> list[tuple[int, bytes]]:
        if position < self.low:
            return []
        first = bisect_left(self.messages, (position, b""))
        return self.messages[first : first + count]

    def of(self, *kinds: bytes, below: int) -> set[int]:
        """Offsets of some kinds below one."""
        return {offset for offset, kind in self.messages if kind in kinds and offset < below}


class TableSource:
    """The rows of a table below its position, in order of offset: what `PostgresIntake` reads in one snapshot."""

    low = 0

    def __init__(self, table: TableDouble) -> None:
        self._table = table

    def read(self, position: int, count: int) -> list[tuple[int, bytes]]:
        below = sorted(offset for offset in self._table.rows if position <= offset < self._table.next)
        return [(offset, ROW) for offset in below[:count]]


class Outlets(NamedTuple):
    """See `table_commit.Outlets`."""

    table: TableDouble
    rejected: Counter[int]
    topic_fails: Callable[[], bool]
    reader: Reader[str, TableRow] = READER

    def transaction(self, partition: int) -> AbstractContextManager[Work]:
        return self.table.transaction(partition)

    def check_topic(self) -> None:
        pass

    def send_rejects(self, rejects: Sequence[Reject]) -> None:
        """May fail after some have arrived."""
        for number, reject in enumerate(rejects):
            if number and self.topic_fails():
                raise UnavailableError("Kafka does not answer")
            self.rejected[int(reject.where.rpartition("@")[2])] += 1


class _Place(NamedTuple):
    """The parts of `Stage` that a writer needs."""

    topic: str
    after_step: Callable[[str], None]


class StageProcess:
    """One stage, as far as one partition goes."""

    def __init__(self, source: Source, outlets: Outlets) -> None:
        self._source, self._to = source, outlets
        self.at: dict[str, Callable[[], None]] = {}
        """What others do while this process sleeps behind a step."""
        self._writer: PostgresWriter | None = None
        self._chunk: Chunk[str, TableRow] | None = None
        self._delivery: TableDelivery | None = None
        self._busy = False

    def act(self, action: Callable[[], None]) -> None:
        """Do something. A process that crashes, or is fenced off, starts again from the position."""
        if self._busy:
            return  # it sleeps inside of another action
        self._busy = True
        try:
            action()
        except UnavailableError:
            return
        except (Crash, FencedError):
            self._writer = self._chunk = self._delivery = None
        finally:
            self._busy = False

    def begin(self) -> None:
        if self._delivery is not None or (self._chunk is not None and self._chunk.next >= self._source.low):
            return
        self._chunk = self._writer = None
        place: Any = _Place("law", self._sleep)
        writer = PostgresWriter(cast("Any", self._to), place, 0, self._to.table.next)
        if writer.position < self._source.low and not writer.skip(self._source.low, "deleted"):
            return
        self._writer, self._chunk = writer, Chunk("law", 0, writer.position, READER)

    def read(self, count: int) -> None:
        self.begin()
        if self._chunk is not None and self._delivery is None:
            for offset, value in self._source.read(self._chunk.next, count):
                self._chunk.take(Message(0, offset, value), 0)

    def flush(self) -> None:
        """Deliver the chunk; the same delivery again until its fate is known."""
        if self._delivery is None and self._chunk is not None and self._writer is not None and self._chunk.records:
            self._delivery = self._writer.delivery(self._chunk)
            self._chunk = Chunk("law", 0, self._chunk.next, READER)
        if self._delivery is not None:
            self._delivery.run()
            self._delivery = None

    def drain(self) -> None:
        """All that is left, nothing failing."""
        for action in (self.flush, lambda: self.read(1_000), self.flush):
            self.act(action)

    def _sleep(self, step: str) -> None:
        if meanwhile := self.at.pop(step, None):
            meanwhile()
