"""A double of Kafka's transactions: epochs by name, offsets with the generation of a group, and all or nothing.

It loses calls and replies, commits late what nobody has fenced meanwhile, and its clients crash.
"""

from collections.abc import Callable
from typing import Any, Literal

import msgspec

from batch_layer.delivery.chunk import Reader
from batch_layer.delivery.sink import Progress
from batch_layer.sinks.contract import Stage
from batch_layer.sinks.topic_copy.copy_position import CopyGap, CopyPosition, CopyPositions
from batch_layer.sinks.topic_copy.copy_sink import CopyOutlets, CopyWriter
from config.errors import FencedError, UnavailableError
from config.settings import KafkaSettings
from ingest.feeds.rows.row_reader import Row
from ingest.hours import Millis
from ingest.kafka.message import Message
from ingest.kafka.transactions import Outgoing, Transactions
from tests.support.feed_model import FeedTopic, Held, ModelTopic
from tests.support.torn_disk import Crash

TransactionFault = Literal["crash before", "crash after", "lost call", "lost reply", "late"]


class TransactionBroker:
    """The topic of copies, the topic of cursors, and who may write under a name."""

    def __init__(self) -> None:
        self.calls = 0
        self.armed: tuple[int, TransactionFault] | None = None
        self.epochs: dict[str, int] = {}
        self.cursors: dict[str, bytes] = {}
        self.copies: list[tuple[int, int]] = []
        """Partition and offset of the origin of each."""
        self.offsets: dict[int, int] = {}
        self._late: list[Callable[[], object]] = []

    def fault(self) -> TransactionFault | None:
        self.calls += 1
        if self.armed is None or self.calls <= self.armed[0]:
            return None
        fault, self.armed = self.armed[1], None
        return fault

    def late(self, effect: Callable[[], object]) -> None:
        self._late.append(effect)

    def deliver_late(self) -> None:
        late, self._late = self._late, []
        for effect in late:
            effect()


class TransactionsDouble(Transactions):
    """See `Transactions`."""

    fences = True
    """Whether a name has one producer."""

    def __init__(self, broker: TransactionBroker, name: str) -> None:
        self._broker, self._name, self._epoch = broker, name, 0

    def begin(self, timeout_s: float = 0) -> None:
        fault = self._broker.fault()
        if fault == "crash before":
            raise Crash
        if fault != "lost call":
            self._epoch = self._broker.epochs[self._name] = self._broker.epochs.get(self._name, 0) + 1
        if fault == "crash after":
            raise Crash
        if fault is not None:
            raise UnavailableError("no reply")

    def commit(self, outgoing: Outgoing) -> None:
        fault = self._broker.fault()
        if fault == "crash before":
            raise Crash
        if fault == "late":
            self._broker.late(lambda: self._take(outgoing))
        elif fault != "lost call" and not self._take(outgoing):
            raise FencedError("another producer has the name")
        if fault == "crash after":
            raise Crash
        if fault is not None:
            raise UnavailableError("no reply")

    def close(self) -> None:
        pass

    def _take(self, outgoing: Outgoing) -> bool:
        """Everything or nothing."""
        broker = self._broker
        if self.fences and broker.epochs.get(self._name) != self._epoch:
            return False
        for _, value, key in outgoing.messages:
            broker.cursors[(key or b"").decode()] = value
        for copy in outgoing.copies:
            partition, _, offset = dict(copy["headers"])["from"].decode().removeprefix("Q1/").partition("@")
            assert copy["partition"] == int(partition)
            broker.copies.append((int(partition), int(offset)))
        assert outgoing.offsets is not None
        for moved in outgoing.offsets.positions:
            broker.offsets[moved.partition] = moved.offset
        return True


class PositionsDouble(CopyPositions):
    """Positions in the broker of the double."""

    def __init__(self, broker: TransactionBroker) -> None:
        super().__init__(KafkaSettings(), "model/s")
        self._broker = broker

    def read(self, *, uncommitted: bool = False) -> dict[int, CopyPosition]:
        return dict(self._positions(self._broker.cursors))


class CopyModel:
    """A sink of real writers over the double."""

    producer: type[TransactionsDouble] = TransactionsDouble

    def __init__(self, stage: Stage, topic: FeedTopic, broker: TransactionBroker) -> None:
        self.reader = Reader(stage.reader.stage, lambda message, now: _as_it_is(stage, message, now))
        self._positions = PositionsDouble(broker)
        self._guard = ModelTopic(topic)
        self._outlets = CopyOutlets(
            stage, lambda: "member", self._guard, self._positions, 2, lambda name: self.producer(broker, name)
        )

    def prepare(self) -> None:
        pass

    def admit(self) -> None:
        self._guard.admit()

    def open(self, partition: int) -> CopyWriter:
        writer = CopyWriter(self._outlets, partition)
        writer.connect()
        return writer

    def progress(self, partition: int, since: int) -> Progress:
        return Progress(self._positions.read().get(partition, CopyPosition()).next, None)

    def close(self) -> None:
        pass


def _as_it_is(stage: Stage, message: Message, now: Millis) -> tuple[str, Row] | None:
    """A row of a topic has the key and the value of its message."""
    labelled = stage.reader.read(message, now)
    return None if labelled is None else ("", Row(message.offset, (message.key, message.value)))


class UnfencedTransactions(TransactionsDouble):
    """Producers without a transactional id of the partition: each has a name of its own."""

    fences = False


class UnfencedCopyModel(CopyModel):
    """A zombie's transaction is committed as well."""

    producer = UnfencedTransactions


def held_by_topic(broker: TransactionBroker) -> dict[int, Held]:
    """What the topics hold."""
    gaps: dict[int, list[tuple[int, int]]] = {}
    held: dict[int, Any] = {}
    for key, value in broker.cursors.items():
        kind, _, _, partition, *_ = key.split("/")
        if kind == "feed-gap":
            gap = msgspec.json.decode(value, type=CopyGap)
            gaps.setdefault(int(partition), []).append((gap.start, gap.end))
        else:
            held[int(partition)] = msgspec.json.decode(value)
    for number, each in held.items():
        assert broker.offsets[number] == each["next"], "the offsets of the group moved elsewhere"
    return {
        number: Held(
            each["next"],
            each["kept"],
            each["rejected"],
            each["left_out"],
            gaps.get(number, []),
            [offset for partition, offset in broker.copies if partition == number],
        )
        for number, each in held.items()
    }
