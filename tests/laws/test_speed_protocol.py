"""The speed layer counts each use once, whatever crashes, is lost, comes twice or late; and why each rule is there.

The real `Partition` and `commit_updates` run against a model of Kafka (a log with gaps), of MongoDB (atomic commits)
and of Storm (tuples delivered late, twice or never, acks that are lost, workers that die, and zombies that do not).
Each control drops one rule of the protocol: then a wrong count must be found, else this test could not see it.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from ingest.hours import Hour
from ingest.wire import Reject, Use, encode
from speed_layer.lane_commit import Verdict, commit_updates
from speed_layer.lane_update import NO_LANE, LaneUpdate, lane_id
from speed_layer.partition import Environment, Limits, Partition
from tests.support.schedules import find_wrong, schedules

HOURS = ("2017-01-06T07", "2017-01-06T08", "2017-01-06T09")
TAGS = ("paris", "été", "$inc")
LIMITS = Limits(chunk_messages=4, backlog_messages=6, chunk_ms=100, rows=6, known_lanes=2)


class ModelLanes:
    """MongoDB as the protocol sees it: `commit` is all or nothing."""

    def __init__(self) -> None:
        self.lanes: dict[str, int] = {}
        self.uses: Counter[tuple[str, str]] = Counter()
        self.progresses: Counter[str] = Counter()
        """By the id of the topic."""

    def commit(self, updates: Sequence[LaneUpdate]) -> bool:
        if not all(self.fits(update) for update in updates):
            return False
        for update in updates:
            self.lanes[update.lane] = update.next
            for tag, (count, _) in update.counts.items():
                self.uses[update.hour, tag] += count
        return True

    def fits(self, update: LaneUpdate) -> bool:
        if update.since == NO_LANE:
            return update.lane not in self.lanes and self.progresses[update.lineage] <= update.start
        return self.lanes.get(update.lane) == update.since

    def lane_next(self, update: LaneUpdate) -> int | None:
        return self.lanes.get(update.lane)

    def ahead(self, lineage: str) -> dict[str, int]:
        own = {lane.split("|")[2]: at for lane, at in self.lanes.items() if lane.split("|")[0] == lineage}
        return {hour: at for hour, at in own.items() if at > self.progresses[lineage]}


class Tuple:
    """An update on its way. `owner` is None once its worker died: then nobody hears of it."""

    def __init__(self, update: LaneUpdate, serial: int, owner: "Spout | None") -> None:
        self.update, self.serial, self.owner = update, serial, owner


class Spout:
    """A spout process: the real partition, and a position in the log."""

    def __init__(self, machine: "SpeedLayer") -> None:
        environment = Environment(self.parked, lambda: Hour.parse("2017-01-06T10"), lambda: machine.clock)
        self.machine = machine
        self.partition = machine.partition("hashtags", 0, LIMITS, environment)
        self.fetch = 0
        self.topic = machine.topic
        """The id that it was told when it started."""

    def parked(self, rejects: Sequence[Reject]) -> None:
        self.machine.parked |= {reject.where for reject in rejects}


class SpeedLayer(RuleBasedStateMachine):
    """Everything that can happen to one partition."""

    partition: type[Partition] = Partition

    def __init__(self) -> None:
        super().__init__()
        self.store = self.make_store()
        self.log: list[tuple[int, bytes]] = []
        self.end = 0
        self.recreated = 0
        self.sent: Counter[tuple[str, str]] = Counter()
        self.unreadable: set[str] = set()
        self.parked: set[str] = set()
        self.clock = 0
        self.spouts = [Spout(self)]
        self.network: list[Tuple] = []
        self.delivered: list[LaneUpdate] = []

    def make_store(self) -> ModelLanes:
        return ModelLanes()

    @property
    def topic(self) -> str:
        """Kafka's id of the topic."""
        return f"id{self.recreated}"

    def ahead(self, lineage: str) -> dict[str, int]:
        return self.store.ahead(lineage)

    def lineage(self, topic: str) -> str:
        """What positions are named by."""
        return topic

    def is_same_topic(self, spout: "Spout") -> bool:
        """Asked after the messages of a chunk were read, and before it is cut."""
        return spout.topic == self.topic

    def commit_updates(self, updates: Sequence[LaneUpdate]) -> list[Verdict]:
        return commit_updates(self.store, updates)

    # Kafka

    @rule(what=st.lists(st.tuples(st.sampled_from(HOURS), st.sampled_from(TAGS), st.integers(0, 2)), max_size=5))
    def produce(self, what: list[tuple[str, str, int]]) -> None:
        for hour, tag, gap in what:
            self.end += gap
            tag = f"{tag}{self.topic}"  # noqa: PLW2901 - so that each topic's uses are told apart
            self.log.append((self.end, encode(Use(tag=tag, hour=hour, post="1", source="x", shown=tag))))
            self.sent[hour, tag] += 1
            self.end += 1

    @rule(value=st.sampled_from([b"", b"{", b'{"tag":1}', b"\xff", encode(Use("a", "2017-01-06T99", "1", "x", "a"))]))
    def produce_what_cannot_be_read(self, value: bytes) -> None:
        self.log.append((self.end, value))
        self.unreadable.add(f"hashtags/0@{self.end}")
        self.end += 1

    @precondition(lambda self: self.recreated < 3)
    @rule()
    def delete_and_recreate_the_topic(self) -> None:
        """What was not counted is gone with it; its offsets begin at 0 again, and nobody is told."""
        self.recreated += 1
        self.log, self.end = [], 0
        self.unreadable = set()

    # The spout

    @rule(which=st.integers(0, 1), most=st.integers(1, 6), later=st.integers(0, 200))
    def poll(self, which: int, most: int, later: int) -> None:
        self.clock += later
        spout = self.spouts[which % len(self.spouts)]
        partition = spout.partition
        if partition.may_start():
            spout.topic = self.topic
            lineage = self.lineage(spout.topic)
            spout.fetch = self.store.progresses[lineage]
            partition.start(spout.fetch, self.ahead(lineage), lineage)
        if spout.fetch > self.end and not partition.may_start():
            partition.lose("Kafka has no such offset")
            return
        found = [message for message in self.log if message[0] >= spout.fetch][: min(most, max(0, partition.room()))]
        if found:
            spout.fetch = found[-1][0] + 1
            partition.take(found)
        if partition.due():
            if not self.is_same_topic(spout):
                partition.lose("the topic was deleted and recreated")
                return
            unknown = partition.unknown_hours()
            lanes = {hour: lane_id(0, hour, partition.lineage) for hour in unknown}
            partition.learn({hour: self.store.lanes.get(lane, NO_LANE) for hour, lane in lanes.items()})
            self.network += [Tuple(update, partition.serial, spout) for update in partition.cut()]

    @rule(which=st.integers(0, 1))
    def look(self, which: int) -> None:
        """Now and then the topic is asked for, though nothing comes."""
        spout = self.spouts[which % len(self.spouts)]
        if not self.is_same_topic(spout):
            spout.partition.lose("the topic was deleted and recreated")

    @rule(which=st.integers(0, 1))
    def save_progress(self, which: int) -> None:
        partition = self.spouts[which % len(self.spouts)].partition
        self.store.progresses[partition.lineage] = max(self.store.progresses[partition.lineage], partition.position)

    @rule()
    def sweep(self) -> None:
        progresses = self.store.progresses
        for lane in [lane for lane, at in self.store.lanes.items() if at <= progresses[lane.split("|")[0]]]:
            del self.store.lanes[lane]

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
        verdicts = self.commit_updates([each.update for each in held])
        self.delivered = (self.delivered + [each.update for each in held])[-6:]
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
            self.report(Tuple(each.update, each.serial, owner), counted=False)
        if not arrives:
            self.network.remove(each)

    @precondition(lambda self: self.delivered)
    @rule(index=st.integers(0, 100))
    def come_twice(self, index: int) -> None:
        self.commit_updates([self.delivered[index % len(self.delivered)]])

    def report(self, each: Tuple, counted: bool) -> None:
        if each.owner is not None:
            tell = each.owner.partition.ack if counted else each.owner.partition.fail
            tell(each.serial, each.update.hour)

    # When all is quiet

    def teardown(self) -> None:
        for _ in range(200):
            for which in range(2):
                self.look(which)
                self.poll(which, 6, 20_000)
            for each in list(self.network):
                self.network.remove(each)
                self.report(each, self.commit_updates([each.update])[0] is not Verdict.REFUSED)
            if all(self.is_at_end(spout) for spout in self.spouts):
                break
        else:
            raise RuntimeError("it does not come to an end")
        found, now = +self.store.uses, self.topic
        assert found <= self.sent, "a use was counted twice"
        assert {key: n for key, n in found.items() if key[1].endswith(now)} == {
            key: n for key, n in self.sent.items() if key[1].endswith(now)
        }, "a use of the topic that is there was not counted"
        assert self.parked >= self.unreadable

    def is_at_end(self, spout: Spout) -> bool:
        end = self.log[-1][0] + 1 if self.log else 0
        return spout.topic == self.topic and spout.partition.position >= end


def test_every_use_is_counted_once() -> None:
    histories = settings(max_examples=schedules(250), stateful_step_count=40, deadline=None, database=None)
    run_state_machine_as_test(SpeedLayer, settings=histories)


# Controls: the protocol without one of its rules


class PlainIncrement(SpeedLayer):
    """`$inc`, and the tuple is acked."""

    def commit_updates(self, updates: Sequence[LaneUpdate]) -> list[Verdict]:
        for update in updates:
            self.store.lanes[update.lane] = max(update.next, self.store.lanes.get(update.lane, 0))
            for tag, (count, _) in update.counts.items():
                self.store.uses[update.hour, tag] += count
        return [Verdict.COUNTED] * len(updates)


class SmallerThan(SpeedLayer):
    """`{next: {$lt: n}}` instead of equality."""

    def make_store(self) -> ModelLanes:
        class Lanes(ModelLanes):
            def fits(self, update: LaneUpdate) -> bool:
                return self.lanes.get(update.lane, -1) < update.next

        return Lanes()


class AlwaysAcked(SpeedLayer):
    """What matched nothing is taken for counted already."""

    def commit_updates(self, updates: Sequence[LaneUpdate]) -> list[Verdict]:
        return [Verdict.COUNTED for _ in commit_updates(self.store, updates)]


class CarelessPartition(Partition):
    """Takes over a lane wherever it stands."""

    def learn(self, lanes: Mapping[str, int]) -> None:
        self._lanes.update(lanes)


class WithoutLanes(SpeedLayer):
    """The spout folds all that is beyond progress, and asks for the lanes only to have its updates fit."""

    partition = CarelessPartition

    def ahead(self, lineage: str) -> dict[str, int]:
        return {}


class SweptUnguarded(SpeedLayer):
    """A lane may be made anew though progress has passed it."""

    def make_store(self) -> ModelLanes:
        class Lanes(ModelLanes):
            def fits(self, update: LaneUpdate) -> bool:
                if update.since == NO_LANE:
                    return update.lane not in self.lanes
                return super().fits(update)

        return Lanes()


class OffsetsAlone(SpeedLayer):
    """Positions do not say of which topic they are."""

    def lineage(self, topic: str) -> str:
        return "any"

    def is_same_topic(self, spout: Spout) -> bool:
        return True

    def is_at_end(self, spout: Spout) -> bool:
        return spout.partition.position >= (self.log[-1][0] + 1 if self.log else 0)


class AskedAtTheStart(SpeedLayer):
    """The topic's id is asked for when a spout starts, and not before a chunk is cut."""

    def is_same_topic(self, spout: Spout) -> bool:
        return True

    def is_at_end(self, spout: Spout) -> bool:
        return spout.partition.position >= (self.log[-1][0] + 1 if self.log else 0)


@pytest.mark.parametrize(
    "control",
    [PlainIncrement, SmallerThan, AlwaysAcked, WithoutLanes, SweptUnguarded, OffsetsAlone, AskedAtTheStart],
)
def test_without_one_of_its_rules_it_counts_wrongly(control: type[SpeedLayer]) -> None:
    find_wrong(control, first_seed=11)  # of 24 seeds, the quickest to find that a sweep is not guarded
