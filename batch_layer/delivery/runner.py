"""DeliveryRunner: the loop that fills a sink from an intake. It knows neither records nor the place of the sink.

One thread reads and decides. If a server does not answer, the loop logs it, keeps its place in the group and retries:
it drops nothing and skips nothing. A partition with damage or a hole in the sink rests in quarantine until somebody has
mended it; every other one goes on.
"""

import logging
import time
from collections.abc import Callable
from functools import partial
from threading import Event
from typing import Generic

from batch_layer.delivery.chunk import Bounds, Chunk, Label, Row, largest_over
from batch_layer.delivery.drain import Drain
from batch_layer.delivery.intake import AtEnd, Intake, Overtaken, Trouble
from batch_layer.delivery.intake import Event as IntakeEvent
from batch_layer.delivery.quarantine import Quarantine
from batch_layer.delivery.read_order import Backlog, next_turn
from batch_layer.delivery.retry import PartitionRetry
from batch_layer.delivery.sink import Sink, Writer
from batch_layer.delivery.start_line import Start, StartLine
from config.errors import DamagedError, FencedError, TrendsError
from config.settings.network import tracing
from ingest.hours import Millis
from ingest.kafka.message import Message

_log = logging.getLogger(__name__)


class DeliveryRunner(Generic[Label, Row]):
    """Delivers the partitions that the group gives to this member. Several may run, on one machine or on many."""

    def __init__(  # noqa: PLR0913 - a stage's two ends, its bounds and its clock
        self,
        topic: str,
        intake: Intake,
        sink: Sink[Label, Row],
        bounds: Bounds,
        now: Callable[[], Millis],
        *,
        acknowledge: Callable[[int, int], None] = lambda *_: None,
        start: Start = Start.POSITION,
    ) -> None:
        """`acknowledge` gets the partition and the end of each chunk that the sink has: see `Intake`."""
        self._topic = topic
        self._intake = intake
        self._sink = sink
        self._bounds = bounds
        self._now = now
        self._acknowledge = acknowledge
        self._start = start
        self._start_line = StartLine(Start.POSITION, {})
        self.chunks: dict[int, Chunk[Label, Row]] = {}
        """The open chunk of each partition that has begun."""
        self._writers: dict[int, Writer[Label, Row]] = {}
        """Writers of the same partitions."""
        self._at_end: set[int] = set()
        self._reading: int | None = None
        """The partition that the intake reads alone."""
        self._later: list[IntakeEvent] = []
        """What came while a delivery waited, for the next turn: a chunk takes no message beyond its bounds."""
        self._overtaken: set[int] = set()
        """Partitions whose position the intake no longer has."""
        self._quarantine = Quarantine(topic, time.monotonic)
        self._retry: PartitionRetry
        """Made by `run`, since it follows the stop of the run."""

    def run(
        self, until_drained: bool, stop: Event, report: Callable[[TrendsError | None], None] = lambda _: None
    ) -> None:
        """Deliver until `stop`, or until the group has delivered all messages of now. Flushes all chunks at the end.

        `report` gets the reason while a server does not answer, and None when all answer again.

        Raises `UnavailableError` if a server does not answer at the start; later it waits for them. Raises
        `OtherTopicError` if the sink is of another topic, or somebody recreates the topic while this runs, and
        `DamagedError` at the end of a drain if a partition has damage; all others are complete by then.
        """
        self._retry = PartitionRetry(self._topic, self._intake, self._keep, stop, report)
        drain = None
        try:
            self._sink.prepare()
            partitions = self._intake.join(self._drop)
            self._sink.admit()
            if self._start is not Start.POSITION:
                self._start_line = StartLine(self._start, self._intake.ends(range(partitions)))
            if until_drained:
                drain = Drain(self._intake, self._sink, partitions, self._now())
            while not stop.is_set() and not (drain and self._is_drained(drain)):
                self._turn(drain)
            self._flush_all()
        finally:
            self._intake.close()
            self._sink.close()
        if drain is not None:
            for error in drain.damage.values():
                raise error

    def _turn(self, drain: Drain | None) -> None:
        self._reading = next_turn(self._reading, self._backlogs(), self._bounds.far)
        self._intake.read_alone(self._reading)
        later, self._later = self._later, []
        for event in (*later, *self._intake.read()):
            self._take(event)
            chunk = self.chunks.get(event.partition)
            if chunk is not None and chunk.is_full(self._bounds):
                self._flush(event.partition)
        for partition in sorted(self._overtaken):
            self._flush(partition)
            self._drop(partition)
        for partition in sorted(self._intake.owned - self.chunks.keys() - self._quarantine.resting()):
            self._alone(partition, partial(self._begin, partition))
        if drain is not None:
            for partition in self._reached(drain) & drain.left:
                self._flush(partition)
        self._flush_due()

    def _backlogs(self) -> dict[int, Backlog]:
        return {partition: Backlog(chunk.records, self._lag(chunk)) for partition, chunk in self.chunks.items()}

    def _lag(self, chunk: Chunk[Label, Row]) -> int:
        """The lag of a chunk: 0 at the partition's end, though transaction markers may follow the last message."""
        return 0 if chunk.partition in self._at_end else self._intake.lag(chunk.partition, chunk.next)

    def _is_drained(self, drain: Drain) -> bool:
        delivered = {partition for partition in self._reached(drain) if not self.chunks[partition].records}
        return drain.done(delivered, self._intake.owned, self._quarantine.damage)

    def _reached(self, drain: Drain) -> set[int]:
        """Our partitions that have read as far as the drain wants."""
        chunks = self.chunks.items()
        return {number for number, chunk in chunks if drain.reached(number, chunk.next, number in self._at_end)}

    def _keep(self, event: IntakeEvent) -> None:
        """Keep an event for the next turn. An error that no retry can mend is one at once."""
        if isinstance(event, Trouble) and not event.error.retriable:
            raise event.error
        if event.partition in self.chunks:
            self._later.append(event)

    def _take(self, event: IntakeEvent) -> None:
        """One event. Those of partitions that have not begun yet mean nothing."""
        partition = event.partition
        chunk = self.chunks.get(partition)
        if chunk is None:
            return
        if isinstance(event, Message):
            if event.offset < chunk.next:
                _log.error("%s/%d: offset %d came again", self._topic, partition, event.offset)
                self._drop(partition)
            else:
                self._at_end.discard(partition)
                chunk.take(event, self._now())
        elif isinstance(event, AtEnd):
            self._at_end.add(partition)
        elif isinstance(event, Overtaken):
            self._overtaken.add(partition)
        elif event.error.retriable:
            _log.warning("%s/%d: %s", self._topic, partition, event.error.what)
        else:
            raise event.error

    def _begin(self, partition: int) -> None:
        """Find the position, commit a gap where the intake or the run begins later, and read from there."""
        writer = self._sink.open(partition)
        low, high = self._intake.offsets(partition)
        writer.check_end(high)
        skip = self._start_line.skip(partition, writer.position, low)
        if skip is not None and not writer.skip(*skip):
            return  # another member was quicker: the next turn begins again
        self._quarantine.release(partition)
        self._intake.seek(partition, writer.position)
        writer.tidy()
        self._writers[partition] = writer
        self.chunks[partition] = Chunk(self._topic, partition, writer.position, self._sink.reader)
        _log.info("%s/%d: reading from offset %d", self._topic, partition, writer.position)

    def _drop(self, partition: int) -> None:
        """Let go of a partition. The intake still has its messages, and the sink its position."""
        self.chunks.pop(partition, None)
        self._writers.pop(partition, None)
        self._at_end.discard(partition)
        self._overtaken.discard(partition)
        self._later = [event for event in self._later if event.partition != partition]

    def _flush_due(self) -> None:
        now = self._now()
        for partition, chunk in list(self.chunks.items()):
            growing = partition == self._reading or self._lag(chunk) > self._bounds.far
            if chunk.due(self._bounds, now, growing=growing):
                self._flush(partition)
        while (largest := largest_over(self.chunks.values(), self._bounds)) is not None:
            self._flush(largest.partition)

    def _flush_all(self) -> None:
        for partition in list(self.chunks):
            self._flush(partition)

    def _flush(self, partition: int) -> None:
        chunk = self.chunks.get(partition)
        if chunk is None or not chunk.records:
            return
        writer = self._writers[partition]
        self.chunks[partition] = chunk.follower()
        delivery = writer.delivery(chunk)
        place: dict[str, tracing.Value] = {"partition": partition, "start": chunk.start, "next": chunk.next}
        try:
            with tracing.span("chunk", topic=self._topic, records=chunk.records, **place):
                self._alone(partition, delivery.run)
        except FencedError as error:
            _log.warning("%s: ours is dropped, reading on from there", error)
            self._drop(partition)
        else:
            if self._writers.get(partition) is writer:
                self._acknowledge(partition, chunk.next)
                self._alone(partition, writer.tidy)

    def _alone(self, partition: int, task: Callable[[], None]) -> None:
        """Run a task of one partition. Damage that it meets stops this partition, and no other one."""
        try:
            if not self._retry.run(partition, task):
                self._drop(partition)
        except DamagedError as error:
            self._quarantine.put(partition, error)
            self._drop(partition)
