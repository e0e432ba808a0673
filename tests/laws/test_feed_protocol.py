"""The laws of feeds: after any history a sink has each accepted record once, or as a reject, or left out, or as a gap.

Several stages fill one sink. They crash before, after and in the middle of any call; calls and replies are lost, and
some arrive late; the machine loses its power; retention overtakes a stage, and a stage starts from now. Simpler
protocols are run through such histories as well: they must be found wrong.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, settings, strategies
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from batch_layer.delivery.sink import Sink
from batch_layer.sinks.contract import Stage
from batch_layer.sinks.csv_file.csv_sink import CsvSink
from batch_layer.sinks.csv_file.growing_csv import GrowingCsv
from batch_layer.sinks.csv_file.position_file import PositionFile, position_path
from tests.support.feed_model import (
    COLUMNS,
    CSV,
    NOTHING,
    PARTITIONS,
    FeedTopic,
    Held,
    ModelTopic,
    StageProcess,
    check,
    held_by_csv,
    stage_of,
)
from tests.support.plain_store import (
    InsertThenCommit,
    LargestOffset,
    OffsetsByTimer,
    PlainStore,
    StoreFault,
    StoreSink,
)
from tests.support.schedules import find_wrong, schedules
from tests.support.torn_disk import Fault, TornDisk
from tests.support.transaction_double import (
    CopyModel,
    TransactionBroker,
    TransactionFault,
    UnfencedCopyModel,
    held_by_topic,
)

WHO = strategies.integers(0, 2)
PARTITION = strategies.sampled_from(PARTITIONS)
KINDS = strategies.lists(strategies.sampled_from(["row", "row", "row", "poison", "other"]), min_size=1, max_size=5)
STEPS = strategies.none() | strategies.tuples(WHO, strategies.integers(1, 4))
"""Another stage at work between two steps of a delivery: which one, and after how many steps."""
TROUBLE = strategies.none() | strategies.tuples(strategies.integers(0, 9), strategies.sampled_from(get_args(Fault)))


class Filling(RuleBasedStateMachine):
    """Histories of one sink and three stages. A subclass says what the sink is."""

    def __init__(self) -> None:
        super().__init__()
        self.topic = FeedTopic()
        self.processes = [StageProcess(self.topic, self.make_sink) for _ in range(3)]
        self.positions = dict.fromkeys(PARTITIONS, 0)
        self.rival: tuple[StageProcess, int, int] | None = None

    def after_step(self, _: str) -> None:
        if self.rival is not None:
            process, partition, steps = self.rival
            self.rival = (process, partition, steps - 1) if steps > 1 else None
            if steps == 1:
                process.act(lambda: process.begin(partition))
                process.read(partition, 3)
                process.act(lambda: process.flush(partition))

    def make_sink(self) -> Sink[Any, Any]:
        raise NotImplementedError

    def held(self) -> dict[int, Held]:
        raise NotImplementedError

    def arm(self, trouble: tuple[int, Any] | None) -> None:
        """The call that fails next, and how."""
        raise NotImplementedError

    def settle(self) -> None:
        """What is on its way arrives."""

    @rule(partition=PARTITION, kinds=KINDS, gap=strategies.integers(0, 2))
    def accept(self, partition: int, kinds: list[Any], gap: int) -> None:
        self.topic.accept(partition, kinds, gap)

    @rule(who=WHO, partition=PARTITION, count=strategies.integers(1, 6), trouble=TROUBLE, rival=STEPS)
    def fill(
        self, who: int, partition: int, count: int, trouble: tuple[int, Any] | None, rival: tuple[int, int] | None
    ) -> None:
        process = self.processes[who]
        process.act(lambda: process.begin(partition))
        process.read(partition, count)
        self.arm(trouble)
        if rival is not None and rival[0] != who:
            self.rival = (self.processes[rival[0]], partition, rival[1])
        process.act(lambda: process.flush(partition))
        self.rival = None

    @rule(who=WHO, partition=PARTITION)
    def flush(self, who: int, partition: int) -> None:
        self.processes[who].act(lambda: self.processes[who].flush(partition))

    @rule(who=WHO, partition=PARTITION, trouble=TROUBLE)
    def start_from_now(self, who: int, partition: int, trouble: tuple[int, Any] | None) -> None:
        self.arm(trouble)
        self.processes[who].act(lambda: self.processes[who].begin(partition, from_now=True))

    @rule(who=WHO, partition=PARTITION, trouble=TROUBLE)
    def begin(self, who: int, partition: int, trouble: tuple[int, Any] | None) -> None:
        self.arm(trouble)
        self.processes[who].act(lambda: self.processes[who].begin(partition))

    @rule(who=WHO)
    def stop(self, who: int) -> None:
        self.processes[who].close()

    @rule(partition=PARTITION, count=strategies.integers(1, 4))
    def delete_by_retention(self, partition: int, count: int) -> None:
        self.topic.low[partition] = min(self.topic.low[partition] + count, self.topic.end[partition])

    @invariant()
    def is_right_so_far(self) -> None:
        held = self.held()
        check(self.topic, held, whole=False)
        for partition, each in held.items():
            assert each.position >= self.positions[partition], "a position went back"
            self.positions[partition] = each.position

    def teardown(self) -> None:
        """When nothing fails any more, everything is there."""
        self.arm(None)
        for process in self.processes:
            process.close()
        for _ in range(2):
            last = StageProcess(self.topic, self.make_sink)
            last.drain()
            last.close()
            check(self.topic, self.held(), whole=True)
            self.settle()
        check(self.topic, self.held(), whole=True)


class FillingCsv(Filling):
    """A CSV on a disk that tears any write at any byte."""

    sink: type[CsvSink] = CsvSink
    double: type[TornDisk] = TornDisk

    def __init__(self) -> None:
        self.disk = self.double(self.pick)
        self.chances = 1
        super().__init__()

    def pick(self, most: int) -> int:
        """A number up to `most`, the same in each run of a history."""
        self.chances = self.chances * 1_103_515_245 + 12_345 & 0x7FFFFFFF
        return (self.chances >> 8) % (most + 1)

    def make_sink(self) -> Sink[Any, Any]:
        stage = stage_of({"type": "csv", "file": str(CSV)}, self.topic, self.after_step)
        return self.sink(stage, self.disk, ModelTopic(self.topic))

    def held(self) -> dict[int, Held]:
        return held_by_csv(self.disk.bytes_of(CSV), self.disk.bytes_of(position_path(CSV)))

    def arm(self, trouble: tuple[int, Any] | None) -> None:
        self.disk.armed = None if trouble is None else (self.disk.calls + trouble[0], trouble[1])

    @rule(chances=strategies.integers(0, 1 << 30))
    def lose_power(self, chances: int) -> None:
        """A commit whose end nobody was told may be undone by it; the others stay."""
        self.chances = chances
        self.disk.lose_power()
        for process in self.processes:
            process.forget()
        held = self.held()
        self.positions = {partition: held.get(partition, NOTHING).position for partition in PARTITIONS}


class FillingStore(Filling):
    """Any place that can change rows and position in one act: PostgreSQL, a manifest, a transaction of Kafka."""

    sink: type[StoreSink] = StoreSink

    def __init__(self) -> None:
        self.store = PlainStore()
        super().__init__()

    def make_sink(self) -> Sink[Any, Any]:
        return self.sink(stage_of({"type": "csv", "file": str(CSV)}, self.topic, self.after_step), self.store)

    def held(self) -> dict[int, Held]:
        return {partition: each.held for partition, each in self.store.partitions.items()}

    def arm(self, trouble: tuple[int, Any] | None) -> None:
        faults = get_args(StoreFault)
        number = 0 if trouble is None else get_args(Fault).index(trouble[1]) % len(faults)
        self.store.armed = None if trouble is None else (self.store.calls + trouble[0] % 2, faults[number])

    @rule()
    def settle(self) -> None:
        self.store.deliver_late()


class FillingTopic(Filling):
    """Another topic: transactions that a later producer of the same name fences."""

    sink: type[CopyModel] = CopyModel

    def __init__(self) -> None:
        self.broker = TransactionBroker()
        super().__init__()

    def make_sink(self) -> Sink[Any, Any]:
        stage = stage_of({"type": "topic", "topic": "Q2"}, self.topic, self.after_step)
        return self.sink(stage, self.topic, self.broker)

    def held(self) -> dict[int, Held]:
        return held_by_topic(self.broker)

    def arm(self, trouble: tuple[int, Any] | None) -> None:
        faults = get_args(TransactionFault)
        number = 0 if trouble is None else get_args(Fault).index(trouble[1]) % len(faults)
        self.broker.armed = None if trouble is None else (self.broker.calls + trouble[0] % 3, faults[number])

    @rule()
    def settle(self) -> None:
        self.broker.deliver_late()


def _searched(machine: type[Filling]) -> Any:
    case = machine.TestCase
    case.settings = settings(
        max_examples=schedules(60), stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
    )
    return case


TestFillingCsv = _searched(FillingCsv)
TestFillingStore = _searched(FillingStore)
TestFillingTopic = _searched(FillingTopic)


# Controls: the CSV without one of its rules


class WithoutCut(GrowingCsv):
    """An offset file behind an append: the rest of a torn append stays in the middle of the file."""

    def _cut(self, position: PositionFile) -> int:
        assert self._file is not None
        return self._file


class UncutSink(CsvSink):
    def __init__(self, stage: Stage, disk: TornDisk, guard: ModelTopic) -> None:
        super().__init__(stage, disk, guard)
        self._csv = WithoutCut(disk, CSV, "Q1", list(COLUMNS))


class PositionFirst(GrowingCsv):
    """It moves the position, and then appends."""

    def append(self, position: PositionFile, content: bytes) -> int:
        self._cut(position)
        self._content = content
        return position.length + len(content)

    def commit(self, position: PositionFile, after_step: Callable[[str], None]) -> None:
        super().commit(position, after_step)
        assert self._file is not None
        self._disk.append(self._file, self._content)


class HastySink(CsvSink):
    def __init__(self, stage: Stage, disk: TornDisk, guard: ModelTopic) -> None:
        super().__init__(stage, disk, guard)
        self._csv = PositionFirst(disk, CSV, "Q1", list(COLUMNS))


class UnlockedDisk(TornDisk):
    """Two processes may write the file at once."""

    def lock(self, path: Path) -> int:
        self._locks.clear()
        return super().lock(path)


class UnsyncedDisk(TornDisk):
    """It takes written bytes for bytes on the disk."""

    def sync(self, file: int) -> None:
        self.length(file)


class Uncut(FillingCsv):
    sink = UncutSink


class Hasty(FillingCsv):
    sink = HastySink


class Unlocked(FillingCsv):
    double = UnlockedDisk


class Unsynced(FillingCsv):
    double = UnsyncedDisk


@pytest.mark.parametrize("control", [Uncut, Hasty, Unlocked, Unsynced])
def test_a_csv_without_one_of_its_rules_is_found_wrong(control: type[FillingCsv]) -> None:
    find_wrong(control)


# Controls: simpler protocols on a place that could do better


class InTwoActs(FillingStore):
    sink = InsertThenCommit


class WithoutEpochs(FillingTopic):
    sink = UnfencedCopyModel


class ByTimer(FillingStore):
    sink = OffsetsByTimer


class ByLargestOffset(FillingStore):
    sink = LargestOffset


@pytest.mark.parametrize("control", [InTwoActs, ByTimer, ByLargestOffset, WithoutEpochs])
def test_a_position_that_moves_by_itself_or_without_comparison_is_found_wrong(control: type[Filling]) -> None:
    find_wrong(control)
