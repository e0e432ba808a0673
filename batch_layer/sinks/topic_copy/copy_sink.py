"""CopySink: records of a feed's topic in another topic, each once: one transaction holds a chunk and its position.

A copy has the key and the value of its record, and headers: `matched` for each watched name or keyword that it has,
`from` (`Q1/0@17`) and `sink` (`velib/keywords`). Records of one partition come into one partition, in their order.
"""

import logging
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, NamedTuple
from uuid import uuid4

import msgspec
from confluent_kafka import TopicPartition

from batch_layer.delivery.chunk import Chunk
from batch_layer.delivery.same_topic import SameTopic
from batch_layer.delivery.sink import Progress
from batch_layer.delivery.topic_intake import TopicIntake
from batch_layer.sinks.contract import REBUILD, SinkKind, Stage
from batch_layer.sinks.topic_copy.copy_place import CopyPlace, name_of, target_of, writer_name
from batch_layer.sinks.topic_copy.copy_position import CopyGap, CopyPosition, CopyPositions
from config.errors import FencedError, TrendsError, UnavailableError, UsageError
from ingest.feeds.rows.row_reader import Row
from ingest.hours import Millis
from ingest.kafka.offsets import partitions_of
from ingest.kafka.topic_ids import differ
from ingest.kafka.topics import create_topics, log_topic
from ingest.kafka.transactions import Offsets, Outgoing, Transactions

_log = logging.getLogger(__name__)


class CopySink:
    """See `Sink`. Each partition has a producer of its own, so a transaction belongs to one partition."""

    def __init__(self, stage: Stage) -> None:
        """Raises `UsageError` where the stage does not read Kafka, or would copy into a topic of the platform."""
        self._stage = stage
        self._target = target_of(stage)
        self._intake = _topic_intake(stage)
        self._guard = SameTopic(stage.settings.kafka, stage.topic, REBUILD)
        self._positions = CopyPositions(stage.settings.kafka, name_of(stage))
        self._writers: dict[int, CopyWriter] = {}
        self._partitions = 1
        self.reader = stage.reader

    def prepare(self) -> None:
        """See `Sink`. The topic gets as many partitions as the feed's, and keeps records as long."""
        kafka, table = self._stage.settings.kafka, self._stage.feed.declaration.topic
        if table is None:
            raise UsageError("it has no topic", where=f"feed {self._stage.feed.name}")
        most = self._stage.settings.ingest.max_post_bytes
        create_topics(kafka, [log_topic(kafka, self._target, table.partitions, int(table.keep * 1000), most)])
        self._partitions = len(partitions_of(kafka, self._target))

    def admit(self) -> None:
        """See `Sink`."""
        topic_id = self._guard.admit()
        for position in self._positions.read().values():
            if differ(position.topic_id, topic_id):
                self._guard.admit(position.topic_id)

    def open(self, partition: int) -> "CopyWriter":
        """See `Sink`. Fences the producer that the partition had before, and settles its transaction."""
        self._guard.check()
        if partition in self._writers:
            self._writers[partition].close()
        outlets = CopyOutlets(
            self._stage, self._intake.membership, self._guard, self._positions, self._partitions, self._producer
        )
        writer = self._writers[partition] = CopyWriter(outlets, partition)
        writer.connect()
        return writer

    def progress(self, partition: int, since: Millis) -> Progress:  # noqa: ARG002 - it counts nothing
        """See `Sink`."""
        return Progress(self._positions.read().get(partition, CopyPosition()).next, None)

    def close(self) -> None:
        """See `Sink`."""
        for writer in self._writers.values():
            writer.close()

    def _producer(self, name: str) -> Transactions:
        settings = self._stage.settings
        return Transactions(settings.kafka, name, settings.ingest.max_post_bytes)


class CopyOutlets(NamedTuple):
    """What all writers of a sink use."""

    stage: Stage
    membership: Callable[[], Any]
    """The group and our generation in it."""
    guard: SameTopic
    positions: CopyPositions
    targets: int
    """Partitions of the topic that gets the copies."""
    producer: Callable[[str], Transactions]
    """Makes the producer of a transactional id."""


class _Commit(NamedTuple):
    """What a transaction brings."""

    start: int
    copies: list[dict[str, Any]]
    gap: CopyGap | None
    grow: Callable[[CopyPosition], CopyPosition]
    send_rejects: Callable[[], None]
    attempt: str


class CopyWriter:
    """See `Writer`."""

    def __init__(self, outlets: CopyOutlets, partition: int) -> None:
        self._stage, self._membership, self._guard, self._positions, targets, self._producer = outlets
        self._partition = partition
        self._target_partition = partition % targets
        self._name = writer_name(self._stage, partition)
        self._at = CopyPosition()
        self._transactions: Transactions | None = None

    def connect(self) -> None:
        """Take over the name of the partition's producer, then read the position: nobody else can move it any more."""
        self.close()
        transactions = self._transactions = self._producer(self._name)
        try:
            transactions.begin()
            self._at = self._positions.read(uncommitted=True).get(self._partition, CopyPosition())
        except TrendsError:
            self.close()
            raise

    def close(self) -> None:
        """Let the producer go."""
        if self._transactions is not None:
            self._transactions.close()
            self._transactions = None

    @property
    def position(self) -> int:
        """See `Writer`."""
        return self._at.next

    def check_end(self, end: int) -> None:
        """See `Writer`."""
        self._guard.check_end(self._partition, self.position, end)

    def skip(self, end: int, why: str) -> bool:
        """See `Writer`."""
        start = self.position
        gap = CopyGap(start, end, why)
        moved = _Commit(start, [], gap, lambda at: msgspec.structs.replace(at, next=end), lambda: None, uuid4().hex)
        try:
            self.commit(moved)
        except FencedError:
            return False
        _log.warning("%s/%d: offsets %d to %d are a gap: %s", self._stage.topic, self._partition, start, end - 1, why)
        return True

    def delivery(self, chunk: Chunk[str, Row]) -> "CopyDelivery":
        """See `Writer`."""
        rows = chunk.rows.get("", [])

        def grow(at: CopyPosition) -> CopyPosition:
            return msgspec.structs.replace(
                at,
                next=chunk.next,
                kept=at.kept + len(rows),
                rejected=at.rejected + len(chunk.rejects),
                left_out=at.left_out + chunk.left_out,
            )

        send = partial(self._stage.send_rejects, chunk.rejects)
        return CopyDelivery(self, _Commit(chunk.start, list(self._copies(rows)), None, grow, send, uuid4().hex))

    def tidy(self) -> None:
        """See `Writer`. Nothing lies behind the position."""

    def commit(self, commit: _Commit) -> None:
        """One transaction. After a failure the next call first finds out what has become of it."""
        if self._transactions is None:
            self.connect()
        if self._at.attempt == commit.attempt:
            return
        if self._at.next != commit.start:
            raise FencedError(f"another stage has moved the position to {self._at.next}", where=self._name)
        commit.send_rejects()
        self._stage.after_step("rejects")
        self._guard.check()
        after = msgspec.structs.replace(
            commit.grow(self._at),
            topic_id=self._guard.id,
            committed_at=self._stage.now(),
            attempt=commit.attempt,
        )
        self._send(commit, after)
        self._at = after
        self._stage.after_step("commit")

    def _send(self, commit: _Commit, after: CopyPosition) -> None:
        if self._transactions is None:
            raise UnavailableError("its producer is gone", where=self._name)
        messages: list[tuple[str, bytes, bytes | None]] = [self._positions.message(self._partition, after)]
        if commit.gap is not None:
            messages.append(self._positions.gap_message(self._partition, commit.gap))
        moved = TopicPartition(self._stage.topic, self._partition, after.next)
        offsets = Offsets([moved], self._membership())
        try:
            self._transactions.commit(Outgoing(messages, offsets=offsets, copies=commit.copies))
        except FencedError:
            self.close()
            raise FencedError("another stage has taken the partition over", where=self._name) from None
        except UnavailableError:
            self.close()
            raise

    def _copies(self, rows: Iterable[Row]) -> Iterable[dict[str, Any]]:
        origin = f"{self._stage.topic}/{self._partition}@"
        target, name = target_of(self._stage), name_of(self._stage).encode()
        for row in rows:
            key, value = row.cells
            headers = [("matched", word.encode()) for word in row.matched]
            headers += [("from", f"{origin}{row.offset}".encode()), ("sink", name)]
            yield {
                "topic": target,
                "partition": self._target_partition,
                "key": key,
                "value": value,
                "headers": headers,
            }


class CopyDelivery:
    """See `Delivery`."""

    def __init__(self, writer: CopyWriter, commit: _Commit) -> None:
        self._writer = writer
        self._commit = commit

    def run(self) -> None:
        """See `Delivery`."""
        self._writer.commit(self._commit)


def _topic_intake(stage: Stage) -> TopicIntake:
    where = f"feed {stage.feed.name}, sinks.{stage.sink}"
    kafka, tops = stage.settings.kafka, stage.settings.tops
    own = {kafka.posts, kafka.hashtags, kafka.rejects, kafka.cursors, *([tops.topic] if tops.enabled else [])}
    if target_of(stage) in {stage.topic, *own}:
        raise UsageError(f"topic {target_of(stage)} has other records: name a topic of its own", where=where)
    if not isinstance(stage.intake, TopicIntake):
        raise UsageError("a topic is filled from Kafka, and from no other sink", where=where)
    return stage.intake


TOPIC_COPY = SinkKind(
    CopySink, CopyPlace, "once: copies, position and offsets are one transaction; its name fences any other stage"
)
