"""Histories of archivers over a double of HDFS: what the laws of the archive, and of a feed's files, run through."""

from collections import Counter

from hypothesis import strategies
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from batch_layer.archive.compaction import Compaction
from batch_layer.archive.reading.ledger import Ledger
from batch_layer.archive.reading.records import posts_of
from config.settings import HdfsSettings
from tests.support.archive_model import ARCHIVE, NOW, ROOTS, Kafka, Process, Topic
from tests.support.hdfs_double import Fault, HdfsDouble

FAULTS: list[Fault] = ["crash before", "crash after", "lost before", "lost after", "cut", "short", "late"]
TROUBLE = strategies.none() | strategies.tuples(strategies.integers(0, 8), strategies.sampled_from(FAULTS))


class Archiving(RuleBasedStateMachine):
    """Histories of one partition."""

    double: type[HdfsDouble] = HdfsDouble
    process: type[Process] = Process

    def __init__(self) -> None:
        super().__init__()
        self.kafka = Kafka()
        self.hdfs = self.double()
        self.processes = [self.process(self.kafka, self.hdfs) for _ in range(3)]
        self.readers = 0

    who = strategies.integers(0, 2)

    @property
    def topic(self) -> Topic:
        return self.kafka.topic

    @precondition(lambda self: len(self.kafka.topics) < len(ROOTS))
    @rule(chance=strategies.integers(0, 3))
    def delete_and_recreate_the_topic(self, chance: int) -> None:
        """Now and then. Archivers that are replaced from then on have another folder; the others know nothing of it."""
        if chance == 0:
            self.kafka.topics.append(Topic(len(self.kafka.topics)))

    @rule(hours=strategies.lists(strategies.sampled_from([0, 0, 0, 1, None]), min_size=2, max_size=6), gap=who)
    def accept(self, hours: list[int | None], gap: int) -> None:
        self.topic.accept(hours, gap)

    @rule(who=who)
    def begin(self, who: int) -> None:
        self.processes[who].act(self.processes[who].begin)

    @rule(who=who, count=strategies.integers(1, 6))
    def read(self, who: int, count: int) -> None:
        self.processes[who].act(self.processes[who].begin)
        self.processes[who].read(count)

    @rule(who=who, steps=strategies.integers(1, 5))
    def flush(self, who: int, steps: int) -> None:
        for _ in range(steps):
            self.processes[who].act(self.processes[who].step)

    @rule(who=who, rival=who, count=strategies.integers(1, 6), trouble=TROUBLE)
    def archive(self, who: int, rival: int, count: int, trouble: tuple[int, Fault] | None) -> None:
        """A whole chunk, of which another may have read as well."""
        self.read(who, count)
        self.read(rival, count + 1)
        self.hdfs.armed = trouble
        self.flush(who, 5)

    @rule(who=who)
    def replace(self, who: int) -> None:
        """A process is gone, with all that it knew."""
        self.processes[who] = self.process(self.kafka, self.hdfs)

    @rule(calls=strategies.integers(0, 12), fault=strategies.sampled_from(FAULTS))
    def fail(self, calls: int, fault: Fault) -> None:
        self.hdfs.armed = (calls, fault)

    @rule()
    def deliver_late(self) -> None:
        self.hdfs.deliver_late()

    @rule(count=strategies.integers(1, 4))
    def delete_by_retention(self, count: int) -> None:
        self.topic.low = min(self.topic.low + count, self.topic.end)

    @rule()
    def compact(self) -> None:
        self.processes[0].act(lambda: self.merge(self.topic))

    @rule()
    def look(self) -> None:
        """What readers see at any time is right as far as it goes."""
        for topic in self.kafka.topics:
            self.check(topic, self.hdfs.copy(), whole=False)

    def teardown(self) -> None:
        """When nothing fails any more, everything is there."""
        self.hdfs.armed = None
        self.start_and_drain()
        self.hdfs.deliver_late()
        self.start_and_drain()
        self.check(self.topic, self.hdfs, whole=True)
        for topic in self.kafka.topics:
            self.merge(topic)
            self.merge(topic)
            self.check(topic, self.hdfs, whole=topic is self.topic)

    def merge(self, topic: Topic) -> None:
        """Compact the archive of a topic."""
        _compact(self.hdfs, ROOTS[topic.number])

    def check(self, topic: Topic, hdfs: HdfsDouble, whole: bool) -> None:
        """Compare what the folder of a topic holds with what the topic accepted. `whole`: nothing is on its way."""
        check(topic, hdfs, whole)

    def start_and_drain(self) -> None:
        """What dead archivers have left of this partition is gone then."""
        self.process(self.kafka, self.hdfs).drain()
        left = f"{ROOTS[self.topic.number]}/_tmp/0+"
        assert not [path for path in self.hdfs.files if path.startswith(left)], "an orphan was left"


def _ledger(hdfs: HdfsDouble, root: str) -> Ledger:
    ledger = Ledger(HdfsSettings(root=root), ARCHIVE, "posts", store=hdfs)
    ledger.refresh()
    return ledger


def _compact(hdfs: HdfsDouble, root: str) -> None:
    ledger = _ledger(hdfs, root)
    several = [hour for hour in ledger.hours() if len(ledger.parts(hour)) > 1]
    Compaction(ledger, ARCHIVE, NOW).run(several)


def check(topic: Topic, hdfs: HdfsDouble, whole: bool) -> None:
    """Each accepted offset below the archive's end is archived once, or rejected, or in a gap: one of these.

    And nothing of another topic is in the archive of this one.
    """
    root, rejected = ROOTS[topic.number], topic.rejected
    ledger = _ledger(hdfs, root)
    end = ledger.covered[0] if ledger.covered else 0
    records = [record for hour in ledger.hours() for record in posts_of(ledger, hour)]
    archived = Counter(record["offset"] for record in records)
    gaps = {o for m in ledger.manifests(0) if m.kind == "gap" for o in range(m.start, m.next)}
    accepted = {offset for offset, _ in topic.messages if offset < end}
    assert all(record["id"] == f"{topic.number}@{record['offset']}" for record in records)
    assert set(archived.values()) <= {1}
    assert archived.keys() == accepted - topic.poison - gaps
    assert sum(m.rejected for m in ledger.manifests(0)) == len((accepted & topic.poison) - gaps)
    assert rejected.keys() >= (accepted & topic.poison) - gaps
    assert sum(ledger.posts(hour) for hour in ledger.hours()) == len(records)
    named = {part.path for hour in ledger.hours() for part in ledger.arrived(hour)}
    named |= {part.path for link in ledger.compactions for part in link.parts}
    assert {path.removeprefix(f"{root}/") for path in hdfs.files if path.startswith(f"{root}/dt=")} <= named
    if whole:
        assert accepted == {offset for offset, _ in topic.messages}
