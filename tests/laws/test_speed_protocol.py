"""The speed layer counts each use once, whatever crashes, is lost, comes twice or late; and why each rule is there.

The real `Partition` and the real `settle` run against a model of Kafka (a log with gaps), of MongoDB (atomic commits)
and of Storm (tuples delivered late, twice or never, acks that are lost, workers that die, and zombies that do not).
Each control drops one rule of the protocol: then a wrong count must be found, else this test could not see it.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from ingest.hours import Hour
from ingest.wire import Reject, Use, encode
from speed_layer.counters import Verdict, settle
from speed_layer.partition import Limits, Partition, World
from speed_layer.steps import NO_LANE, Step
from tests.laws.schedules import schedules

HOURS = ("2017-01-06T07", "2017-01-06T08", "2017-01-06T09")
TAGS = ("paris", "été", "$inc")
LIMITS = Limits(chunk_messages=4, backlog_messages=6, chunk_ms=100, rows=6, known_lanes=2)


class ModelLedger:
    """MongoDB as the protocol sees it: `commit` is all or nothing."""

    def __init__(self) -> None:
        self.lanes: dict[str, int] = {}
        self.uses: Counter[tuple[str, str]] = Counter()
        self.progress = 0

    def commit(self, steps: Sequence[Step]) -> bool:
        if not all(self.fits(step) for step in steps):
            return False
        for step in steps:
            self.lanes[step.lane] = step.next
            for tag, (count, _) in step.counts.items():
                self.uses[step.hour, tag] += count
        return True

    def fits(self, step: Step) -> bool:
        if step.since == NO_LANE:
            return step.lane not in self.lanes and self.progress <= step.start
        return self.lanes.get(step.lane) == step.since

    def lane_next(self, step: Step) -> int | None:
        return self.lanes.get(step.lane)

    def ahead(self) -> dict[str, int]:
        return {lane.split("|")[1]: at for lane, at in self.lanes.items() if at > self.progress}


class Tuple:
    """A step on its way. `owner` is None once its worker died: then nobody hears of it."""

    def __init__(self, step: Step, serial: int, owner: "Spout | None") -> None:
        self.step, self.serial, self.owner = step, serial, owner


class Spout:
    """A spout process: the real partition, and a position in the log."""

    def __init__(self, machine: "SpeedLayer") -> None:
        world = World(self.parked, lambda: Hour.parse("2017-01-06T10"), lambda: machine.clock)
        self.machine = machine
        self.partition = machine.partition("hashtags", 0, LIMITS, world)
        self.fetch = 0

    def parked(self, rejects: Sequence[Reject]) -> None:
        self.machine.parked |= {reject.where for reject in rejects}


class SpeedLayer(RuleBasedStateMachine):
    """Everything that can happen to one partition."""

    partition: type[Partition] = Partition

    def __init__(self) -> None:
        super().__init__()
        self.ledger = self.make_ledger()
        self.log: list[tuple[int, bytes]] = []
        self.end = 0
        self.sent: Counter[tuple[str, str]] = Counter()
        self.unreadable: set[str] = set()
        self.parked: set[str] = set()
        self.clock = 0
        self.spouts = [Spout(self)]
        self.network: list[Tuple] = []
        self.delivered: list[Step] = []

    def make_ledger(self) -> ModelLedger:
        return ModelLedger()

    def ahead(self) -> dict[str, int]:
        return self.ledger.ahead()

    def settle(self, steps: Sequence[Step]) -> list[Verdict]:
        return settle(self.ledger, steps)

    # Kafka

    @rule(what=st.lists(st.tuples(st.sampled_from(HOURS), st.sampled_from(TAGS), st.integers(0, 2)), max_size=5))
    def produce(self, what: list[tuple[str, str, int]]) -> None:
        for hour, tag, gap in what:
            self.end += gap
            self.log.append((self.end, encode(Use(tag=tag, hour=hour, post="1", source="x", shown=tag))))
            self.sent[hour, tag] += 1
            self.end += 1

    @rule(value=st.sampled_from([b"", b"{", b'{"tag":1}', b"\xff", encode(Use("a", "2017-01-06T99", "1", "x", "a"))]))
    def produce_what_cannot_be_read(self, value: bytes) -> None:
        self.log.append((self.end, value))
        self.unreadable.add(f"hashtags/0@{self.end}")
        self.end += 1

    # The spout

    @rule(which=st.integers(0, 1), most=st.integers(1, 6), later=st.integers(0, 200))
    def poll(self, which: int, most: int, later: int) -> None:
        self.clock += later
        spout = self.spouts[which % len(self.spouts)]
        partition = spout.partition
        if partition.may_start():
            spout.fetch = self.ledger.progress
            partition.start(self.ledger.progress, self.ahead())
        found = [message for message in self.log if message[0] >= spout.fetch][: min(most, max(0, partition.room()))]
        if found:
            spout.fetch = found[-1][0] + 1
            partition.take(found)
        if partition.due():
            unknown = partition.unknown()
            partition.learn({hour: self.ledger.lanes.get(f"0|{hour}", NO_LANE) for hour in unknown})
            self.network += [Tuple(step, partition.serial, spout) for step in partition.cut()]

    @rule(which=st.integers(0, 1))
    def save_progress(self, which: int) -> None:
        self.ledger.progress = max(self.ledger.progress, self.spouts[which % len(self.spouts)].partition.position)

    @rule()
    def sweep(self) -> None:
        for lane in [lane for lane, at in self.ledger.lanes.items() if at <= self.ledger.progress]:
            del self.ledger.lanes[lane]

    @rule(which=st.integers(0, 1))
    def worker_dies(self, which: int) -> None:
        dead = self.spouts.pop(which % len(self.spouts))
        for each in self.network:
            each.owner = None if each.owner is dead else each.owner
        self.spouts = self.spouts or [Spout(self)]

    @precondition(lambda self: len(self.spouts) == 1)
    @rule()
    def storm_starts_a_second_worker_beside_a_zombie(self) -> None:
        self.spouts.append(Spout(self))

    # The bolt

    @precondition(lambda self: self.network)
    @rule(data=st.data(), lost=st.booleans())
    def commit(self, data: st.DataObject, lost: bool) -> None:
        chosen = data.draw(st.lists(st.sampled_from(range(len(self.network))), min_size=1, max_size=4, unique=True))
        held = [self.network[index] for index in chosen]
        verdicts = self.settle([each.step for each in held])
        self.delivered = (self.delivered + [each.step for each in held])[-6:]
        if lost:  # the reports do not arrive: the tuples stay, to be timed out, or to be committed again
            return
        for each, verdict in zip(held, verdicts, strict=True):
            self.network.remove(each)
            self.report(each, verdict is not Verdict.REFUSED)

    @precondition(lambda self: self.network)
    @rule(index=st.integers(0, 100), arrives=st.booleans())
    def time_out(self, index: int, arrives: bool) -> None:
        each = self.network[index % len(self.network)]
        owner, each.owner = each.owner, None
        if owner is not None:
            self.report(Tuple(each.step, each.serial, owner), counted=False)
        if not arrives:
            self.network.remove(each)

    @precondition(lambda self: self.delivered)
    @rule(index=st.integers(0, 100))
    def come_twice(self, index: int) -> None:
        self.settle([self.delivered[index % len(self.delivered)]])

    def report(self, each: Tuple, counted: bool) -> None:
        if each.owner is not None:
            tell = each.owner.partition.ack if counted else each.owner.partition.fail
            tell(each.serial, each.step.hour)

    # When all is quiet

    def teardown(self) -> None:
        for _ in range(200):
            self.poll(0, 6, 20_000)
            self.poll(1, 6, 20_000)
            for each in list(self.network):
                self.network.remove(each)
                self.report(each, self.settle([each.step])[0] is not Verdict.REFUSED)
            if all(spout.partition.position >= (self.log[-1][0] + 1 if self.log else 0) for spout in self.spouts):
                break
        else:
            raise RuntimeError("it does not come to an end")
        assert +self.ledger.uses == self.sent
        assert self.parked == self.unreadable


def test_every_use_is_counted_once() -> None:
    histories = settings(max_examples=schedules(250), stateful_step_count=40, deadline=None, database=None)
    run_state_machine_as_test(SpeedLayer, settings=histories)


# Controls: the protocol without one of its rules


class PlainIncrement(SpeedLayer):
    """`$inc`, and the tuple is acked."""

    def settle(self, steps: Sequence[Step]) -> list[Verdict]:
        for step in steps:
            self.ledger.lanes[step.lane] = max(step.next, self.ledger.lanes.get(step.lane, 0))
            for tag, (count, _) in step.counts.items():
                self.ledger.uses[step.hour, tag] += count
        return [Verdict.COUNTED] * len(steps)


class SmallerThan(SpeedLayer):
    """`{next: {$lt: n}}` instead of equality."""

    def make_ledger(self) -> ModelLedger:
        class Ledger(ModelLedger):
            def fits(self, step: Step) -> bool:
                return self.lanes.get(step.lane, -1) < step.next

        return Ledger()


class AlwaysAcked(SpeedLayer):
    """What matched nothing is taken for counted already."""

    def settle(self, steps: Sequence[Step]) -> list[Verdict]:
        return [Verdict.COUNTED for _ in settle(self.ledger, steps)]


class CarelessPartition(Partition):
    """Takes over a lane wherever it stands."""

    def learn(self, lanes: Mapping[str, int]) -> None:
        self._lanes.update(lanes)


class WithoutLanes(SpeedLayer):
    """The spout folds all that is beyond progress, and asks for the lanes only to have its steps fit."""

    partition = CarelessPartition

    def ahead(self) -> dict[str, int]:
        return {}


class SweptUnguarded(SpeedLayer):
    """A lane may be made anew though progress has passed it."""

    def make_ledger(self) -> ModelLedger:
        class Ledger(ModelLedger):
            def fits(self, step: Step) -> bool:
                if step.since == NO_LANE:
                    return step.lane not in self.lanes
                return super().fits(step)

        return Ledger()


@pytest.mark.parametrize("control", [PlainIncrement, SmallerThan, AlwaysAcked, WithoutLanes, SweptUnguarded])
def test_without_one_of_its_rules_it_counts_wrongly(control: type[SpeedLayer]) -> None:
    search = settings(
        max_examples=2_000,
        stateful_step_count=40,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        print_blob=False,
    )
    with pytest.raises(AssertionError):
        run_state_machine_as_test(control, settings=search)
