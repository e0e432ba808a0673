"""A sink of a feed on a real topic, driven by hand: what the contract tests of sinks use, and each kind's example.

An example is the table of a kind in a feed's file and a way to read its rows without the code under test.
"""

import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from batch_layer.delivery.chunk import Chunk
from batch_layer.delivery.sink import Delivery, Sink, Writer
from batch_layer.delivery.topic_intake import TopicIntake
from batch_layer.sinks.contract import Place, SinkKind, Stage
from batch_layer.sinks.registry import kind_of
from batch_layer.sinks.stages import make_stage
from config.settings import Settings
from ingest.feeds.declaration.model import Feed, NamedFeed
from ingest.hours import wall_clock
from ingest.kafka.message import Message
from ingest.wire import Reject
from tests.support.kafka import committed
from tests.support.wait import until

COLUMNS = {
    "p": {"from": "$partition", "type": "int"},
    "o": {"from": "$offset", "type": "bigint"},
    "text": {"from": "text", "type": "string"},
    "value": {"from": "$value", "type": "json"},
}
ROW, POISON, OTHER = b'{"text": "a \\"row\\", \\u00e9"}', b"no JSON", b'{"text": "other"}'
"""A record that becomes a row, one that no row can be made of, and one that `where` leaves out."""
Rows = Counter[tuple[int, int]]
"""Partition and offset of each row."""


@dataclass(frozen=True)
class SinkExample:
    """A kind of sink under test."""

    table: Callable[[Settings, Path, str], dict[str, Any]]
    """The sink's table in a feed's file, from settings, an empty folder and a name that nobody else has."""
    rows: Callable[[Settings, Mapping[str, Any]], Rows]
    """What the sink holds, read without the code under test; the argument is its table."""
    settings: str = "settings"
    """The fixture that has the servers of the kind."""
    locks: bool = False
    """Whether a second process is refused as long as a first one runs."""
    readable: bool = True
    """Whether another stage can read it."""


class Feeding:
    """One feed of two partitions and its sink, on real servers."""

    def __init__(self, settings: Settings, example: SinkExample, folder: Path) -> None:
        self.settings = settings
        self.example = example
        self.name = f"n{uuid.uuid4().hex[:12]}"
        self.topic = f"feed-{self.name}"
        self.table = example.table(settings, folder, self.name)
        declared = {
            "about": "a contract",
            "topic": {"name": self.topic, "partitions": 2},
            "columns": COLUMNS,
            "sinks": {"s": self.table | {"where": {"true": "text != 'other'"}}},
        }
        self.feed = NamedFeed(self.name, Feed.model_validate(declared))
        self.rejects: list[str] = []
        self.reject_failures: list[Exception] = []
        self.make_topic()

    def make_topic(self) -> None:
        admin = AdminClient({"bootstrap.servers": self.settings.kafka.bootstrap})
        admin.create_topics([NewTopic(self.topic, 2, 1)])[self.topic].result(30)
        until(lambda: self.topic in admin.list_topics(timeout=10).topics, lambda: f"no {self.topic}", 30)

    def recreate_topic(self) -> None:
        admin = AdminClient({"bootstrap.servers": self.settings.kafka.bootstrap})
        admin.delete_topics([self.topic])[self.topic].result(30)
        until(lambda: self.topic not in admin.list_topics(timeout=10).topics, lambda: "it is still there", 30)
        self.make_topic()

    def send(self, values: Sequence[bytes], partition: int = 0) -> None:
        """One transaction: its marker takes an offset as well."""
        options = {"bootstrap.servers": self.settings.kafka.bootstrap, "transactional.id": uuid.uuid4().hex}
        producer = Producer(options)
        producer.init_transactions(30)
        producer.begin_transaction()
        for value in values:
            producer.produce(self.topic, value, b"key", partition=partition)
        producer.commit_transaction(30)

    def accepted(self, kind: bytes = ROW) -> Rows:
        messages = committed(self.settings.kafka.bootstrap, self.topic)
        return Counter((each.partition(), each.offset()) for each in messages if each.value() == kind)

    def rows(self) -> Rows:
        return self.example.rows(self.settings, self.table)

    @property
    def kind(self) -> SinkKind:
        return kind_of(self.feed.declaration.sinks["s"])

    def stage(self, after_step: Callable[[str], None] = lambda _: None) -> Stage:
        stage = make_stage(self.settings, self.feed, "s", now=wall_clock, after_step=after_step)
        return replace(stage, send_rejects=self._take_rejects)

    def place(self) -> Place:
        return self.kind.make_place(self.stage())

    @contextmanager
    def sink(self, after_step: Callable[[str], None] = lambda _: None) -> Iterator["Filler"]:
        """A sink at work, in a consumer group of its own, so that rivals own the same partitions."""
        intake = TopicIntake(self.settings.kafka, self.topic, uuid.uuid4().hex)
        sink = self.kind.make_sink(replace(self.stage(after_step), intake=intake))
        try:
            sink.prepare()
            intake.join(lambda _: None)
            until(lambda: bool(intake.read() or len(intake.owned) == 2), lambda: "no partition is ours", 60)
            sink.admit()
            yield Filler(self, sink)
        finally:
            sink.close()
            intake.close()

    def _take_rejects(self, rejects: Sequence[Reject]) -> None:
        if self.reject_failures:
            raise self.reject_failures.pop(0)
        self.rejects.extend(reject.where for reject in rejects)


class Filler:
    """A sink at work."""

    def __init__(self, feeding: Feeding, sink: Sink[Any, Any]) -> None:
        self._feeding = feeding
        self.sink = sink

    def open(self, partition: int = 0) -> Writer[Any, Any]:
        writer = self.sink.open(partition)
        writer.tidy()
        return writer

    def delivery(self, writer: Writer[Any, Any], count: int = 1_000) -> Delivery:
        """A chunk of the next messages of partition 0 from the writer's position on."""
        return writer.delivery(self._chunk(writer, count, 0))

    def fill(self, partition: int = 0, count: int = 1_000) -> None:
        """Deliver what there is, as the loop does: a chunk without records goes nowhere."""
        writer = self.open(partition)
        chunk = self._chunk(writer, count, partition)
        if chunk.records:
            writer.delivery(chunk).run()
            writer.tidy()

    def _chunk(self, writer: Writer[Any, Any], count: int, partition: int) -> Chunk[Any, Any]:
        topic = self._feeding.topic
        chunk = Chunk(topic, partition, writer.position, self.sink.reader)
        for each in committed(self._feeding.settings.kafka.bootstrap, topic):
            if each.partition() == partition and each.offset() >= writer.position and chunk.records < count:
                at = each.timestamp()[1]
                chunk.take(Message(partition, each.offset(), each.value(), each.key(), at), wall_clock())
        return chunk
