"""The loop that fills a sink, on an intake and a sink in memory: gaps, outages, fences, damage and the end."""

from collections.abc import Callable, Iterable, Mapping
from threading import Event

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from batch_layer.delivery import quarantine, retry
from batch_layer.delivery.chunk import Bounds, Chunk, Reader
from batch_layer.delivery.intake import AtEnd, Overtaken
from batch_layer.delivery.intake import Event as IntakeEvent
from batch_layer.delivery.runner import DeliveryRunner
from batch_layer.delivery.sink import Progress
from batch_layer.delivery.start_line import DELETED, SKIPPED, Start, StartLine
from config.errors import DamagedError, FencedError, UnavailableError
from config.settings.network import tracing
from ingest.kafka.message import Message
from ingest.kafka.offsets import OffsetRange

NOW = 1_366_000_000_000


class MemoryIntake:
    """Partitions of whole messages; it gives three messages of each partition at once."""

    def __init__(self, messages: Mapping[int, int], owned: Iterable[int] | None = None) -> None:
        self.messages = dict(messages)
        self.owned = set(messages if owned is None else owned)
        self.low = dict.fromkeys(messages, 0)
        self._positions: dict[int, int] = {}
        self._alone: int | None = None
        self.acknowledged: list[tuple[int, int]] = []
        self.closed = False

    def join(self, lost: Callable[[int], None]) -> int:
        self.lost = lost
        return len(self.messages)

    def close(self) -> None:
        self.closed = True

    def read(self) -> list[IntakeEvent]:
        events: list[IntakeEvent] = []
        for partition, position in self._positions.items():
            if partition not in self.owned or self._alone not in (None, partition):
                continue
            if position < self.low[partition]:
                events.append(Overtaken(partition))
                continue
            end = min(position + 3, self.messages[partition])
            events += [Message(partition, offset, b"%d" % offset) for offset in range(position, end)]
            events += [AtEnd(partition)] if end == self.messages[partition] else []
            self._positions[partition] = end
        return events

    def wait(self, seconds: float, take: Callable[[IntakeEvent], None], stop: Callable[[], bool]) -> None:
        pass

    def read_alone(self, partition: int | None) -> None:
        self._alone = partition

    def lag(self, partition: int, position: int) -> int:
        return self.messages[partition] - position

    def offsets(self, partition: int) -> OffsetRange:
        return OffsetRange(self.low[partition], self.messages[partition])

    def seek(self, partition: int, position: int) -> None:
        self._positions[partition] = position

    def ends(self, partitions: Iterable[int]) -> dict[int, int]:
        return {partition: self.messages[partition] for partition in partitions}

    def acknowledge(self, partition: int, position: int) -> None:
        self.acknowledged.append((partition, position))

    def drained(self, positions: Mapping[int, int], until: Mapping[int, int]) -> set[int]:
        return {partition for partition, position in positions.items() if position >= until[partition]}


class MemorySink:
    """Keeps offsets by partition. `failures` are raised by the next deliveries, one each."""

    def __init__(self) -> None:
        self.reader: Reader[str, int] = Reader("memory", lambda message, _now: ("all", message.offset))
        self.positions: dict[int, int] = {}
        self.rows: dict[int, list[int]] = {}
        self.gaps: list[tuple[int, int, int, str]] = []
        self.failures: list[Exception] = []
        self.damage: dict[int, DamagedError] = {}
        self.rival: Callable[[], None] = lambda: None
        self.tidied = 0
        self.closed = False

    def prepare(self) -> None:
        pass

    def admit(self) -> None:
        pass

    def open(self, partition: int) -> "MemoryWriter":
        if partition in self.damage:
            raise self.damage[partition]
        return MemoryWriter(self, partition)

    def progress(self, partition: int, since: int) -> Progress:
        self.rival()
        return Progress(self.positions.get(partition, 0), self.damage.get(partition))

    def close(self) -> None:
        self.closed = True


class MemoryWriter:
    def __init__(self, sink: MemorySink, partition: int) -> None:
        self._sink = sink
        self._partition = partition
        self.position = sink.positions.get(partition, 0)

    def check_end(self, end: int) -> None:
        assert self.position <= end

    def skip(self, end: int, why: str) -> bool:
        self._sink.gaps.append((self._partition, self.position, end, why))
        self.position = self._sink.positions[self._partition] = end
        return True

    def delivery(self, chunk: Chunk[str, int]) -> "MemoryDelivery":
        return MemoryDelivery(self._sink, self, chunk)

    def tidy(self) -> None:
        self._sink.tidied += 1


class MemoryDelivery:
    def __init__(self, sink: MemorySink, writer: MemoryWriter, chunk: Chunk[str, int]) -> None:
        self._sink, self._writer, self._chunk = sink, writer, chunk

    def run(self) -> None:
        sink, chunk = self._sink, self._chunk
        if sink.failures:
            raise sink.failures.pop(0)
        if sink.positions.get(chunk.partition, 0) != chunk.start:
            raise FencedError("another has moved the position", where=f"{chunk.partition}@{chunk.start}")
        self._writer.position = sink.positions[chunk.partition] = chunk.next
        sink.rows.setdefault(chunk.partition, []).extend(chunk.rows["all"])


def drain(intake: MemoryIntake, sink: MemorySink, records: int = 10, start: Start = Start.POSITION) -> None:
    bounds = Bounds(records=records, bytes=1_000_000, age_ms=60_000)
    try:
        DeliveryRunner("posts", intake, sink, bounds, lambda: NOW, start=start).run(until_drained=True, stop=Event())
    finally:
        assert (intake.closed, sink.closed) == (True, True)


def test_it_delivers_what_is_there_once_and_ends() -> None:
    intake, sink = MemoryIntake({0: 25, 1: 7, 2: 0}), MemorySink()
    drain(intake, sink)
    assert sink.rows == {0: list(range(25)), 1: list(range(7))}


def test_the_intake_hears_of_each_chunk_that_the_sink_has() -> None:
    intake, sink, bounds = MemoryIntake({0: 7}), MemorySink(), Bounds(records=3, bytes=1_000_000, age_ms=60_000)
    sink.failures = [UnavailableError("no sink")]
    runner = DeliveryRunner("posts", intake, sink, bounds, lambda: NOW, acknowledge=intake.acknowledge)
    runner.run(until_drained=True, stop=Event())
    assert intake.acknowledged == [(0, 3), (0, 6), (0, 7)]


def test_a_position_that_retention_has_overtaken_becomes_a_gap() -> None:
    intake, sink = MemoryIntake({0: 20}), MemorySink()
    intake.low[0], sink.positions[0] = 12, 5
    drain(intake, sink)
    assert (sink.gaps, sink.rows[0]) == ([(0, 5, 12, DELETED)], list(range(12, 20)))


def test_a_start_from_now_tells_what_it_skips_as_a_gap_and_reads_the_rest() -> None:
    intake, sink = MemoryIntake({0: 20, 1: 4, 2: 0}), MemorySink()
    sink.positions[0] = 5
    drain(intake, sink, start=Start.NOW)
    assert (sink.gaps, sink.rows) == ([(0, 5, 20, SKIPPED), (1, 0, 4, SKIPPED)], {})
    intake.messages[0] = 23
    drain(intake, sink)
    assert sink.rows == {0: [20, 21, 22]}


def test_a_first_run_from_now_skips_once_and_the_next_run_reads_on() -> None:
    intake, sink = MemoryIntake({0: 20, 1: 4}), MemorySink()
    sink.positions[1] = 1
    drain(intake, sink, start=Start.FIRST_NOW)
    assert (sink.gaps, sink.rows) == ([(0, 0, 20, SKIPPED)], {1: [1, 2, 3]})
    intake.messages[0] = 23
    drain(intake, sink, start=Start.FIRST_NOW)
    assert (len(sink.gaps), sink.rows[0]) == (1, [20, 21, 22])


def test_a_partition_that_comes_back_in_the_same_run_skips_nothing_more() -> None:
    line = StartLine(Start.NOW, {0: 20})
    assert line.skip(0, 5, 0) == (20, SKIPPED)
    assert line.skip(0, 20, 0) is None
    assert line.skip(0, 20, 25) == (25, DELETED)
    assert line.skip(0, 5, 25) == (25, SKIPPED)
    assert line.skip(1, 5, 0) is None, "a partition that the topic gained after the start"


def test_a_sink_that_is_away_gets_the_same_chunk_again_until_it_is_back() -> None:
    intake, sink = MemoryIntake({0: 20}), MemorySink()
    sink.failures = [UnavailableError("no sink")] * 3
    drain(intake, sink)
    assert (sink.rows[0], sink.failures) == (list(range(20)), [])


def test_a_chunk_that_another_writer_has_fenced_off_is_dropped_and_read_again_from_the_new_position() -> None:
    class Overtaking(MemorySink):
        def open(self, partition: int) -> MemoryWriter:
            writer = super().open(partition)
            if not self.positions:
                self.positions[0] = 4  # another writer is quicker, once
            return writer

    sink = Overtaking()
    drain(MemoryIntake({0: 20}), sink)
    assert sink.rows[0] == list(range(4, 20))


def test_a_damaged_partition_is_told_at_the_end_and_stops_no_other_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quarantine, "AGAIN_S", 0.0)
    intake, sink = MemoryIntake({0: 20, 1: 20}), MemorySink()
    sink.damage[0] = DamagedError("a hole", where="posts/0")
    with pytest.raises(DamagedError, match="a hole"):
        drain(intake, sink)
    assert sink.rows == {1: list(range(20))}


def test_what_another_member_owns_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("batch_layer.delivery.drain.LOOK_S", 0.0)
    intake, sink = MemoryIntake({0: 5, 1: 5}, owned=[0]), MemorySink()

    def deliver_one() -> None:
        sink.positions[1] = sink.positions.get(1, 0) + 1

    sink.rival = deliver_one
    drain(intake, sink)
    assert (sink.rows, sink.positions) == ({0: list(range(5))}, {0: 5, 1: 5})


def test_a_partition_that_goes_to_another_member_during_an_outage_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    intake, sink = MemoryIntake({0: 20, 1: 5}), MemorySink()
    sink.failures = [UnavailableError("no sink")]

    def lose(_seconds: float, _take: object, _stop: object) -> None:
        intake.owned.discard(0)
        intake.lost(0)
        sink.positions[0] = 20  # its new owner delivers it

    monkeypatch.setattr(intake, "wait", lose)
    drain(intake, sink)
    assert 0 not in sink.rows
    assert sink.rows[1] == list(range(5))


def test_a_stop_flushes_what_was_read_and_gives_up_a_sink_that_stays_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "STOP_S", 0.0)
    intake, sink, stop = MemoryIntake({0: 2}), MemorySink(), Event()
    sink.failures = [UnavailableError("no sink")] * 50
    read = intake.read

    def read_and_stop() -> list[IntakeEvent]:
        events = read()
        if events:
            stop.set()
        return events

    monkeypatch.setattr(intake, "read", read_and_stop)
    bounds = Bounds(records=10, bytes=1_000, age_ms=60_000)
    DeliveryRunner("posts", intake, sink, bounds, lambda: NOW).run(until_drained=False, stop=stop)
    assert (sink.rows, intake.closed) == ({}, True)


def test_each_chunk_is_one_span_that_says_its_offsets_an_outage_included(monkeypatch: pytest.MonkeyPatch) -> None:
    spans, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    monkeypatch.setattr(tracing, "_tracers", [provider.get_tracer("test")])
    intake, sink = MemoryIntake({0: 7}), MemorySink()
    sink.failures = [UnavailableError("no sink")]
    drain(intake, sink, records=3)
    told = [(each.name, dict(each.attributes or {})) for each in spans.get_finished_spans()]
    assert told == [
        ("chunk", {"topic": "posts", "partition": 0, "start": start, "next": end, "records": end - start})
        for start, end in ((0, 3), (3, 6), (6, 7))
    ]
