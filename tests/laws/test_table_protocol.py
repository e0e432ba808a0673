"""The law of a table: after any history, each accepted offset is a row once, or a reject, or left out, or in a gap.

A history has several stages that fill the same partition at once, sleep inside of a transaction while others act, crash
in any call, lose calls and replies, have COMMITs arrive late, meet rows that the server refuses, and are overtaken by
retention. Another stage reads the table and fills a second one under the same faults. Simpler protocols run through
such histories as well: they must be found wrong.
"""

import random
from collections import Counter
from collections.abc import Callable
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings, strategies
from hypothesis.stateful import RuleBasedStateMachine, rule

from batch_layer.sinks.postgres.position_tables import Counts
from tests.support.schedules import find_wrong, schedules
from tests.support.table_double import POISON, Crash, Fault, TableDouble, Work
from tests.support.table_model import JUNK, KINDS, OUT, ROW, FeedTopic, Outlets, StageProcess, TableSource

FAULTS: list[Fault] = ["crash before", "crash after", "lost before", "lost after", "late", "half open"]
STEPS = ["check", "position", "rows", "rejects", "commit"]
TROUBLE = strategies.none() | strategies.tuples(strategies.integers(0, 5), strategies.sampled_from(FAULTS))


class Filling(RuleBasedStateMachine):
    """Histories of one partition: a topic fills a table, which fills another one."""

    table: type[TableDouble] = TableDouble
    who = strategies.integers(0, 4)
    """Three stages of the first table, two of the second."""

    def __init__(self) -> None:
        super().__init__()
        self.topic = FeedTopic()
        self.tables = self.table(), self.table()
        self.rejected: Counter[int] = Counter()
        self.kafka_fails = False
        self.stages = [self.start(number) for number in range(5)]
        self.seen: tuple[int, set[int]] = (0, set())

    def start(self, who: int) -> StageProcess:
        first = who < 3
        source = self.topic if first else TableSource(self.tables[0])
        table = self.tables[0 if first else 1]
        return StageProcess(source, Outlets(table, self.rejected, lambda: self.kafka_fails))

    @rule(kinds=strategies.lists(strategies.sampled_from(KINDS), min_size=1, max_size=6), gap=strategies.integers(0, 2))
    def accept(self, kinds: list[bytes], gap: int) -> None:
        self.topic.accept(kinds, gap)

    @rule(who=who, count=strategies.integers(1, 6))
    def read(self, who: int, count: int) -> None:
        self.stages[who].act(lambda: self.stages[who].read(count))

    @rule(who=who)
    def flush(self, who: int) -> None:
        self.stages[who].act(self.stages[who].flush)

    @rule(
        pair=strategies.tuples(who, who),
        count=strategies.integers(1, 6),
        sleep=strategies.tuples(strategies.sampled_from(STEPS), strategies.booleans()),
        trouble=TROUBLE,
    )
    def fill(
        self, pair: tuple[int, int], count: int, sleep: tuple[str, bool], trouble: tuple[int, Fault] | None
    ) -> None:
        """A whole chunk. A rival fills too, before it and while it sleeps behind a step."""
        (who, rival), (step, expires) = pair, sleep
        self.read(who, count)
        self.read(rival, count + 1)

        def meanwhile() -> None:
            if expires:
                self.expire()
            self.flush(rival)
            self.read(rival, count)

        self.stages[who].at = {step: meanwhile}
        for table in self.tables:
            table.armed = trouble
        self.flush(who)
        self.stages[who].at = {}

    @rule(who=who)
    def replace(self, who: int) -> None:
        """A process is gone, with all that it knew."""
        self.stages[who] = self.start(who)

    @rule(calls=strategies.integers(0, 8), fault=strategies.sampled_from(FAULTS), number=strategies.integers(0, 1))
    def fail(self, calls: int, fault: Fault, number: int) -> None:
        self.tables[number].armed = (calls, fault)

    @rule(fails=strategies.booleans())
    def kafka_takes_no_rejects(self, fails: bool) -> None:
        self.kafka_fails = fails

    @rule()
    def expire(self) -> None:
        for table in self.tables:
            table.expire()

    @rule()
    def deliver_late(self) -> None:
        for table in self.tables:
            table.deliver_late()

    @rule(count=strategies.integers(1, 4))
    def delete_by_retention(self, count: int) -> None:
        self.topic.low = min(self.topic.low + count, self.topic.end)

    @rule()
    def look(self) -> None:
        """What readers see at any time is right as far as it goes, and nothing of it goes away."""
        self.check()
        position, rows = self.seen
        assert position <= self.tables[0].next
        assert rows <= self.tables[0].rows.keys()
        self.seen = self.tables[0].next, set(self.tables[0].rows)

    def check(self) -> None:
        first, second = self.tables
        gaps = {offset for start, end in first.gaps for offset in range(start, end)}
        kept, rejected, left_out = (
            self.topic.of(*kinds, below=first.next) - gaps for kinds in ((ROW,), (JUNK, POISON), (OUT,))
        )
        assert first.rows == Counter(kept)
        assert first.counts == (len(kept), len(rejected), len(left_out))
        assert self.rejected.keys() >= rejected
        assert second.rows == Counter(offset for offset in first.rows if offset < second.next)
        assert second.counts == (second.rows.total(), 0, 0)

    def teardown(self) -> None:
        """When nothing fails any more, everything is there."""
        self.kafka_fails = False
        for table in self.tables:
            table.armed = None
            table.deliver_late()
            table.expire()
        for who in (0, 3):
            self.start(who).drain()
        self.check()
        messages = self.topic.messages
        assert not messages or self.tables[0].next == max(messages[-1][0] + 1, self.tables[0].next)
        assert self.tables[1].rows == self.tables[0].rows


TestFilling = Filling.TestCase
TestFilling.settings = settings(
    max_examples=schedules(300), stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)


# Controls: the protocol without one of its rules, and protocols as one would write them first


class AnyStart(TableDouble):
    """A position that moves from wherever it is."""

    class Work(Work):
        def move(self, start: int, end: int, attempt: UUID, counts: Counts) -> bool:
            del start
            return super().move(self._table.next, end, attempt, counts)

    work = Work
    has_key = False


class NoLock(TableDouble):
    """A position that is compared, and not locked: two transactions may move it from the same start."""

    class Work(Work):
        def move(self, start: int, end: int, attempt: UUID, counts: Counts) -> bool:
            self._table.holder = None
            return super().move(start, end, attempt, counts)

    work = Work
    has_key = False


class WithoutFence(Filling):
    table = AnyStart


class WithoutLock(Filling):
    table = NoLock


@pytest.mark.parametrize("control", [WithoutFence, WithoutLock])
def test_without_one_of_its_rules_it_fills_wrongly(control: type[Filling]) -> None:
    find_wrong(control)


class Textbook:
    """A consumer with a table without a key, and its offset in another place. It crashes now and then."""

    def __init__(self, chance: random.Random) -> None:
        self.topic, self.chance = FeedTopic(), chance
        self.rows: Counter[int] = Counter()
        self.committed = 0
        self.reading = 0

    def maybe_crash(self) -> None:
        if self.chance.random() < 0.2:
            raise Crash

    def turn(self) -> None:
        raise NotImplementedError

    def run(self) -> bool:
        """Whether each accepted offset is a row once in the end."""
        for _ in range(12):
            self.topic.accept([ROW] * self.chance.randint(1, 6), 1)
            try:
                self.turn()
            except Crash:
                self.reading = self.committed
        self.chance = random.Random(1)
        self.maybe_crash = lambda: None  # type: ignore[method-assign] # nothing fails any more
        self.reading = self.committed
        self.turn()
        return self.rows == Counter(offset for offset, _ in self.topic.messages)


class CommittedByTimer(Textbook):
    """`enable.auto.commit`: the offset of what was read is committed at some moment, beside the inserts."""

    def turn(self) -> None:
        messages = self.topic.read(self.reading, 1_000)
        timer = self.chance.randint(0, 2 * len(messages) + 1)
        for number, (offset, _) in enumerate(messages):
            self.reading = offset + 1
            if number == timer:
                self.committed = self.reading
            self.maybe_crash()
            self.rows[offset] += 1


class InsertThenCommit(Textbook):
    """Rows first, their offset in a second transaction."""

    def turn(self) -> None:
        messages = self.topic.read(self.reading, 1_000)
        self.rows.update(offset for offset, _ in messages)
        self.maybe_crash()
        if messages:
            self.reading = self.committed = messages[-1][0] + 1


class LargestOffset(Textbook):
    """Rows tell where to start, and nothing fences off a second consumer that has asked before."""

    def turn(self) -> None:
        position = max(self.rows, default=-1) + 1
        mine = self.topic.read(position, 1_000)
        if self.chance.random() < 0.3:
            self.rows.update(offset for offset, _ in self.topic.read(position, 1_000))  # the other one
        self.rows.update(offset for offset, _ in mine)


class ExportByTime(Textbook):
    """A second table, filled with what is younger than the last export by its time: records come late."""

    def __init__(self, chance: random.Random) -> None:
        super().__init__(chance)
        self.ref_date = -1

    def turn(self) -> None:
        times = {offset: offset - random.Random(offset).choice([0, 0, 0, 9]) for offset, _ in self.topic.messages}
        new = [offset for offset, at in times.items() if at > self.ref_date]
        self.rows.update(new)
        self.maybe_crash()
        self.ref_date = max([self.ref_date, *(times[offset] for offset in new)])


@pytest.mark.parametrize("control", [CommittedByTimer, InsertThenCommit, LargestOffset, ExportByTime])
def test_simpler_protocols_are_found_wrong(control: Callable[[random.Random], Textbook]) -> None:
    wrong = sum(not control(random.Random(seed)).run() for seed in range(100))
    assert wrong > 50, f"{wrong} of 100 histories were found wrong"
