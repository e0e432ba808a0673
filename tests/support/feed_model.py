"""Feed model: a stage of a feed over doubles, one call at a time, for laws and for the contract of sinks."""

import csv
import io
import json
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from batch_layer.delivery.chunk import Chunk, Reader
from batch_layer.delivery.same_topic import SameTopic
from batch_layer.delivery.sink import Delivery, Sink, Writer
from batch_layer.delivery.start_line import DELETED, SKIPPED
from batch_layer.sinks.contract import Stage
from config.errors import BadRecordError, FencedError, TrendsError, UnavailableError
from config.settings import Settings
from ingest.feeds.declaration.model import Feed, NamedFeed
from ingest.feeds.rows.row_reader import Row
from ingest.hours import Millis
from ingest.kafka.message import Message
from ingest.kafka.topic_ids import differ
from ingest.wire import Reject
from tests.support.torn_disk import Crash

Kind = Literal["row", "poison", "other"]
"""A record that becomes a row, one that no row can be made of, and one that `where` leaves out."""
NOW: Millis = 1_700_000_000_000
PARTITIONS = (0, 1)
COLUMNS = {
    "p": {"from": "$partition", "type": "int"},
    "o": {"from": "$offset", "type": "bigint"},
    "text": {"from": "$value", "type": "string"},
}


class FeedTopic:
    """Two partitions; offsets are missing between transactions, and retention takes the first ones."""

    def __init__(self) -> None:
        self.messages: dict[int, list[tuple[int, Kind]]] = {partition: [] for partition in PARTITIONS}
        self.end = dict.fromkeys(PARTITIONS, 0)
        self.low = dict.fromkeys(PARTITIONS, 0)
        self.rejected: Counter[tuple[int, int]] = Counter()
        self.id = "first"

    def accept(self, partition: int, kinds: Sequence[Kind], gap: int) -> None:
        for kind in kinds:
            self.messages[partition].append((self.end[partition], kind))
            self.end[partition] += 1
        self.end[partition] += gap

    def read(self, partition: int, position: int, count: int) -> list[Message]:
        if position < self.low[partition]:
            return []
        later = [(offset, kind) for offset, kind in self.messages[partition] if offset >= position]
        return [Message(partition, offset, text_of(partition, offset, kind)) for offset, kind in later[:count]]

    def take_rejects(self, rejects: Sequence[Reject]) -> None:
        for reject in rejects:
            partition, _, offset = reject.where.removeprefix("Q1/").partition("@")
            self.rejected[int(partition), int(offset)] += 1


class ModelTopic(SameTopic):
    """What knows the topic's id, without Kafka."""

    def __init__(self, topic: FeedTopic) -> None:
        self._feed_topic, self._topic, self._next_step, self.id = topic, "Q1", "rebuild it", ""

    def admit(self, stored: str = "") -> str:
        self.id = self._feed_topic.id
        self._compare(stored, self.id)
        return self.id

    def check(self) -> None:
        if differ(self.id, self._feed_topic.id):
            self._compare(self.id, self._feed_topic.id)


def text_of(partition: int, offset: int, kind: Kind) -> bytes:
    """A value whose cell needs quotes, and has lines and letters of several bytes."""
    return f'{kind} "{partition}",\n é{offset}'.encode()


def read_model(message: Message, _: Millis) -> tuple[str, Row] | None:
    text = (message.value or b"").decode()
    if text.startswith("poison"):
        raise BadRecordError("poison")
    return None if text.startswith("other") else ("", Row(message.offset, (message.partition, message.offset, text)))


def stage_of(sink: dict[str, Any], topic: FeedTopic, after_step: Callable[[str], None] = lambda _: None) -> Stage:
    """A stage whose only sink is the given table of a feed's file."""
    declared = {"about": "a model", "topic": {"name": "Q1", "partitions": 2}, "columns": COLUMNS, "sinks": {"s": sink}}
    feed = NamedFeed("model", Feed.model_validate(declared))
    reader = Reader("feed/model/s", read_model)
    return Stage(Settings(), feed, "s", "Q1", reader, topic.take_rejects, lambda: NOW, after_step)


class StageProcess:
    """What `DeliveryRunner` does, a call at a time. Whoever crashes starts again from the sink."""

    def __init__(self, topic: FeedTopic, make_sink: Callable[[], Sink[Any, Any]]) -> None:
        self._topic = topic
        self._make_sink = make_sink
        self._sink: Sink[Any, Any] | None = None
        self._writers: dict[int, Writer[Any, Any]] = {}
        self._chunks: dict[int, Chunk[Any, Any]] = {}
        self._deliveries: dict[int, Delivery] = {}

    def act(self, action: Callable[[], None]) -> None:
        """Do something, and bear what may come."""
        try:
            action()
        except UnavailableError:
            return
        except Crash:
            self.forget()
        except TrendsError:
            self.close()

    def forget(self) -> None:
        """Nothing is left of the process."""
        self._sink = None
        self._writers, self._chunks, self._deliveries = {}, {}, {}

    def close(self) -> None:
        sink = self._sink
        self.forget()
        if sink is not None:
            sink.close()

    def begin(self, partition: int, from_now: bool = False) -> None:
        if self._sink is None:
            sink = self._make_sink()
            self._sink = sink
            try:
                sink.prepare()
                sink.admit()
            except UnavailableError:
                self.close()
                raise
        chunk = self._chunks.get(partition)
        if chunk is not None and chunk.next >= self._topic.low[partition] and not from_now:
            return
        self._drop(partition)
        writer = self._sink.open(partition)
        low, end = self._topic.low[partition], self._topic.end[partition]
        writer.check_end(end)
        skip = (end, SKIPPED) if from_now else (low, DELETED)
        if writer.position < skip[0] and not writer.skip(*skip):
            return
        writer.tidy()
        self._writers[partition] = writer
        self._chunks[partition] = Chunk("Q1", partition, writer.position, self._sink.reader)

    def read(self, partition: int, count: int) -> None:
        chunk = self._chunks.get(partition)
        if chunk is not None:
            for message in self._topic.read(partition, chunk.next, count):
                chunk.take(message, NOW)

    def flush(self, partition: int) -> None:
        """Deliver the chunk, or once more the one that is on its way."""
        chunk = self._chunks.get(partition)
        if partition not in self._deliveries and chunk is not None and chunk.records and self._sink is not None:
            self._deliveries[partition] = self._writers[partition].delivery(chunk)
            self._chunks[partition] = Chunk("Q1", partition, chunk.next, self._sink.reader)
        if partition in self._deliveries:
            try:
                self._deliveries[partition].run()
            except FencedError:
                self._drop(partition)
            else:
                del self._deliveries[partition]
                self._writers[partition].tidy()

    def drain(self) -> None:
        """All that is left, nothing failing."""
        for partition in PARTITIONS:
            while True:
                self.begin(partition)
                self.read(partition, len(self._topic.messages[partition]))
                if partition not in self._deliveries and not self._chunks[partition].records:
                    break
                self.flush(partition)

    def _drop(self, partition: int) -> None:
        for each in (self._writers, self._chunks, self._deliveries):
            each.pop(partition, None)


class Held(NamedTuple):
    """What a sink says of a partition, and its rows, read without the code under test."""

    position: int
    kept: int
    rejected: int
    left_out: int
    gaps: list[tuple[int, int]]
    rows: list[int]
    """Offsets, in the order of the sink."""


NOTHING = Held(0, 0, 0, 0, [], [])


def check(topic: FeedTopic, held: dict[int, Held], whole: bool) -> None:
    """Laws 1, 2 and 4: at any moment a sink has exactly the records below its position, each once, and counts them."""
    for partition in PARTITIONS:
        sink = held.get(partition, NOTHING)
        lost = {offset for start, end in sink.gaps for offset in range(start, end)}
        below = [(offset, kind) for offset, kind in topic.messages[partition] if offset < sink.position]
        there = [(offset, kind) for offset, kind in below if offset not in lost]
        assert sink.rows == [offset for offset, kind in there if kind == "row"]
        assert sink.kept == len(sink.rows)
        assert sink.rejected == sum(kind == "poison" for _, kind in there)
        assert sink.left_out == sum(kind == "other" for _, kind in there)
        assert all(topic.rejected[partition, offset] for offset, kind in there if kind == "poison")
        if whole:
            assert len(below) == len(topic.messages[partition])


def held_by_csv(content: bytes | None, position: bytes | None) -> dict[int, Held]:
    """What a CSV holds, read by the csv module and as JSON alone."""
    if position is None:
        assert not content
        return {}
    told = json.loads(position)
    counted = (content or b"")[: told["length"]]
    assert len(counted) == told["length"]
    text = io.StringIO(counted.decode(errors="replace"), newline="")
    header, *rows = list(csv.reader(text)) or [[]]
    assert header in ([], list(COLUMNS))
    for row in rows:
        assert len(row) == len(COLUMNS), row
        number, offset, cell = row
        assert (number.isdecimal(), offset.isdecimal()) == (True, True), row
        assert cell == text_of(int(number), int(offset), "row").decode()
    return {
        int(partition): Held(
            each["next"],
            each["kept"],
            each["rejected"],
            each["left_out"],
            [(start, end) for start, end, _ in each["gaps"]],
            [int(offset) for number, offset, _ in rows if number == partition],
        )
        for partition, each in told["partitions"].items()
    }


CSV = Path("/feeds/velib.csv")
