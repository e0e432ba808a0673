"""A double of a place that can change rows and position in one atomic act, and sinks on it: a right one, three wrong.

It loses calls and replies, does some things late, and its clients crash before and after each call.
"""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple
from uuid import uuid4

from batch_layer.delivery.chunk import Chunk
from batch_layer.delivery.sink import Progress
from batch_layer.sinks.contract import Stage
from config.errors import FencedError, UnavailableError
from tests.support.feed_model import Held
from tests.support.torn_disk import Crash

StoreFault = Literal["crash before", "crash after", "lost call", "lost reply", "late"]


class Position(NamedTuple):
    """One partition, as the place has it."""

    held: Held = Held(0, 0, 0, 0, [], [])
    attempt: str = ""


class PlainStore:
    """Positions with rows by partition."""

    def __init__(self) -> None:
        self.calls = 0
        self.armed: tuple[int, StoreFault] | None = None
        self.partitions: dict[int, Position] = {}
        self._late: list[Callable[[], object]] = []

    def at(self, partition: int) -> Position:
        return self.partitions.get(partition, Position())

    def call(self, effect: Callable[[], object]) -> None:
        self.calls += 1
        fault: StoreFault | None = None
        if self.armed is not None and self.calls > self.armed[0]:
            fault, self.armed = self.armed[1], None
        if fault == "crash before":
            raise Crash
        if fault == "late":
            self._late.append(effect)
        elif fault != "lost call":
            effect()
        if fault == "crash after":
            raise Crash
        if fault is not None:
            raise UnavailableError("no reply")

    def deliver_late(self) -> None:
        late, self._late = self._late, []
        for effect in late:
            effect()


class StoreSink:
    """A sink whose delivery is one compare-and-set."""

    def __init__(self, stage: Stage, store: PlainStore) -> None:
        self.stage, self.store = stage, store
        self.reader = stage.reader

    def prepare(self) -> None:
        pass

    def admit(self) -> None:
        pass

    def open(self, partition: int) -> "StoreWriter":
        return StoreWriter(self, partition, self.position(partition))

    def position(self, partition: int) -> int:
        return self.store.at(partition).held.position

    def progress(self, partition: int, since: int) -> Progress:
        return Progress(self.position(partition), None)

    def close(self) -> None:
        pass

    def deliver(self, partition: int, start: int, change: Callable[[Held], Held], attempt: str) -> None:
        def compare_and_set() -> None:
            if self.store.at(partition).held.position == start:
                self.store.partitions[partition] = Position(change(self.store.at(partition).held), attempt)

        self.stage.after_step("send")
        if self.store.at(partition).attempt != attempt:
            self.store.call(compare_and_set)
        if self.store.at(partition).attempt != attempt:
            raise FencedError("another has moved the position")


class StoreWriter:
    def __init__(self, sink: StoreSink, partition: int, position: int) -> None:
        self._sink, self._partition, self.position = sink, partition, position

    def check_end(self, end: int) -> None:
        assert self.position <= end

    def skip(self, end: int, why: str) -> bool:
        gap = (self.position, end)
        try:
            self._sink.deliver(
                self._partition,
                self.position,
                lambda held: held._replace(position=end, gaps=[*held.gaps, gap]),
                uuid4().hex,
            )
        except FencedError:
            return False
        self.position = end
        return bool(why)

    def delivery(self, chunk: Chunk[Any, Any]) -> "StoreDelivery":
        return StoreDelivery(self._sink, chunk)

    def tidy(self) -> None:
        pass


class StoreDelivery:
    def __init__(self, sink: StoreSink, chunk: Chunk[Any, Any]) -> None:
        self._sink, self._chunk, self._attempt = sink, chunk, uuid4().hex

    def run(self) -> None:
        chunk = self._chunk
        self._sink.stage.send_rejects(chunk.rejects)
        self._sink.deliver(chunk.partition, chunk.start, lambda held: with_chunk(held, chunk), self._attempt)


def with_chunk(held: Held, chunk: Chunk[Any, Any]) -> Held:
    rows = [row.offset for row in chunk.rows.get("", [])]
    return held._replace(
        position=chunk.next,
        kept=held.kept + len(rows),
        rejected=held.rejected + len(chunk.rejects),
        left_out=held.left_out + chunk.left_out,
        rows=held.rows + rows,
    )


class InsertThenCommit(StoreSink):
    """Rows in one act, the position in a second one."""

    def deliver(self, partition: int, start: int, change: Callable[[Held], Held], attempt: str) -> None:
        after = change(self.store.at(partition).held)

        def insert() -> None:
            held = self.store.at(partition).held
            self.store.partitions[partition] = Position(after._replace(position=held.position), "")

        def commit() -> None:
            held = self.store.at(partition).held
            self.store.partitions[partition] = Position(held._replace(position=after.position), attempt)

        self.store.call(insert)
        self.stage.after_step("send")
        self.store.call(commit)


class OffsetsByTimer(StoreSink):
    """The position moves when messages are read, by the consumer's timer, and not when rows are there."""

    def deliver(self, partition: int, start: int, change: Callable[[Held], Held], attempt: str) -> None:
        after = change(self.store.at(partition).held)

        def commit() -> None:
            held = self.store.at(partition).held
            self.store.partitions[partition] = Position(held._replace(position=after.position), attempt)

        def insert() -> None:
            self.store.partitions[partition] = Position(after, attempt)

        self.store.call(commit)
        self.stage.after_step("send")
        self.store.call(insert)


class LargestOffset(StoreSink):
    """Where to start is the largest offset that is there, and nobody compares."""

    def deliver(self, partition: int, start: int, change: Callable[[Held], Held], attempt: str) -> None:
        def insert() -> None:
            self.store.partitions[partition] = Position(change(self.store.at(partition).held), attempt)

        self.stage.after_step("send")
        self.store.call(insert)
