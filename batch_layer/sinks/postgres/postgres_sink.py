"""PostgresSink: rows of a feed in a table of PostgreSQL. Read `table_commit.py` next: the protocol of a commit."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from uuid import uuid4

from batch_layer.delivery.chunk import Chunk, Reader
from batch_layer.delivery.same_topic import SameTopic
from batch_layer.delivery.sink import Progress
from batch_layer.sinks.contract import Stage
from batch_layer.sinks.postgres import position_tables
from batch_layer.sinks.postgres.position_tables import Counts, Owner, PositionRow, owner_of
from batch_layer.sinks.postgres.postgres_session import Session
from batch_layer.sinks.postgres.row_copy import Refusal, TableRow, copy_rows
from batch_layer.sinks.postgres.table_columns import Table, create_or_compare, table_of
from batch_layer.sinks.postgres.table_commit import TableDelivery
from batch_layer.storage.postgres import Connection
from ingest.feeds.rows.row_reader import Row
from ingest.hours import Millis
from ingest.kafka.message import Message
from ingest.wire import Reject

_log = logging.getLogger(__name__)


class PostgresSink:
    """See `Sink`. One connection, for the one thread of the stage."""

    def __init__(self, stage: Stage) -> None:
        """Raises `UsageError` where the declared columns hold no key."""
        self.reader = _with_bytes(stage.reader)
        self._stage = stage
        self._table = table_of(stage)
        self._owner = owner_of(stage)
        self._session = Session(stage.settings)
        self.guard = SameTopic(stage.settings.kafka, stage.topic, position_tables.rebuild(self._owner))
        self._reads_kafka = stage.feed.declaration.sinks[stage.sink].from_ == "kafka"

    def prepare(self) -> None:
        """See `Sink`. Raises `TrendsError` where a table of that name has other columns."""
        with self._session.transaction() as connection:
            position_tables.lock_tables(connection)
            position_tables.create_tables(connection)
            create_or_compare(connection, self._table)

    def admit(self) -> None:
        """See `Sink`."""
        topic_id = self.guard.admit()
        with self._session.transaction(snapshot=True) as connection:
            position_tables.check_topic(connection, self._owner, self._stage.topic, topic_id)

    def open(self, partition: int) -> "PostgresWriter":
        """See `Sink`. Raises `OtherTopicError` where somebody has recreated the topic."""
        self.check_topic()
        topic = self._stage.topic
        with self._session.transaction() as connection:
            position = position_tables.begin(connection, self._owner, partition, topic, self.guard.id)
        return PostgresWriter(self, self._stage, partition, position)

    def progress(self, partition: int, since: Millis) -> Progress:  # noqa: ARG002 - it has no summary
        """See `Sink`."""
        with self._session.transaction(snapshot=True) as connection:
            positions = position_tables.read_positions(connection, self._owner)
        return Progress(positions[partition].next if partition in positions else 0, None)

    def close(self) -> None:
        """See `Sink`."""
        self._session.close()

    @contextmanager
    def transaction(self, partition: int) -> Iterator["PartitionTransaction"]:
        """See `Outlets`."""
        with self._session.transaction() as connection:
            yield PartitionTransaction(connection, self._table, self._owner, partition)

    def check_topic(self) -> None:
        """See `Outlets`. The intake of another sink's rows has their topic's id, and compares it itself."""
        if self._reads_kafka:
            self.guard.check()

    def send_rejects(self, rejects: Sequence[Reject]) -> None:
        """See `Outlets`."""
        self._stage.send_rejects(rejects)


class PartitionTransaction(PositionRow):
    """See `Transaction`."""

    def __init__(self, connection: Connection, table: Table, owner: Owner, partition: int) -> None:
        super().__init__(connection, owner, partition)
        self._table = table

    def copy(self, rows: Sequence[TableRow]) -> list[Refusal]:
        """See `Transaction`."""
        return copy_rows(self._connection, self._table, rows)


class PostgresWriter:
    """See `Writer`."""

    def __init__(self, sink: PostgresSink, stage: Stage, partition: int, position: int) -> None:
        self._sink = sink
        self._stage = stage
        self._partition = partition
        self._position = position

    @property
    def position(self) -> int:
        """See `Writer`."""
        return self._position

    def check_end(self, end: int) -> None:
        """See `Writer`."""
        self._sink.guard.check_end(self._partition, self._position, end)

    def skip(self, end: int, why: str) -> bool:
        """See `Writer`."""
        start = self._position
        with self._sink.transaction(self._partition) as transaction:
            if not transaction.move(start, end, uuid4(), Counts(0, 0, 0)):
                return False
            transaction.add_gap(start, end, why)
        self._position = end
        where = f"{self._stage.topic}/{self._partition}"
        _log.error("%s: a gap, offsets %d to %d are not in the table: %s", where, start, end - 1, why)
        return True

    def delivery(self, chunk: Chunk[str, TableRow]) -> TableDelivery:
        """See `Writer`."""
        return TableDelivery(self._sink, self._sink.reader.stage, chunk, self._advance, self._stage.after_step)

    def tidy(self) -> None:
        """See `Writer`. A transaction leaves nothing behind."""

    def _advance(self, position: int) -> None:
        self._position = position


def _with_bytes(reader: Reader[str, Row]) -> Reader[str, TableRow]:
    """The same reader, whose rows carry the bytes of their messages."""

    def read(message: Message, now: Millis) -> tuple[str, TableRow] | None:
        labelled = reader.read(message, now)
        if labelled is None:
            return None
        folder, row = labelled
        return folder, TableRow(row.offset, row.cells, message.value or b"")

    return Reader(reader.stage, read)
