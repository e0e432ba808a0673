"""Law 7 of feeds: a rebuild of any sink, from the place that it chooses, gives the rows that the sink had.

A topic fills two sinks, and one of them fills a third. Stages crash in any call, rebuilds too, anywhere between the
first deletion and the last row, and run again; retention deletes the first records. Unless the plan says that records
are lost, each row is there again. Choices as one would make them first must be found wrong.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, settings, strategies
from hypothesis.stateful import RuleBasedStateMachine, rule

from batch_layer.delivery.chunk import Reader
from batch_layer.delivery.intake import AtEnd
from batch_layer.feeds.rebuild import KAFKA, RebuildPlan, plan_from_sink, plan_from_topic
from batch_layer.sinks.contract import Place
from batch_layer.sinks.files.files_intake import FilesIntake
from batch_layer.sinks.files.files_place import FilesPlace
from batch_layer.storage.chunk_files.file_format import FileFormat
from batch_layer.storage.chunk_files.placement import Site
from config.errors import FencedError, UnavailableError
from ingest.kafka.message import Message
from tests.support.archive_histories import FAULTS
from tests.support.archive_model import Inline, Process, Topic
from tests.support.feed_files import feed_of, folder_on, hdfs_sink, stage_of
from tests.support.hdfs_double import Crash, Fault, HdfsDouble
from tests.support.schedules import find_wrong, schedules

ORIGINS = {"raw": KAFKA, "twin": KAFKA, "copy": "raw"}
"""What fills each sink."""
FEED = feed_of(
    {
        "raw": hdfs_sink(root="/raw"),
        "twin": hdfs_sink(root="/twin", where={"true": "!contains(id, '3')"}),
        "copy": hdfs_sink(root="/copy", **{"from": "raw"}),
    }
)
STAGES = {sink: stage_of(FEED, sink) for sink in ORIGINS}
SINK = strategies.sampled_from(list(ORIGINS))
GAP = strategies.integers(0, 2)
TROUBLE = strategies.none() | strategies.tuples(strategies.integers(0, 40), strategies.sampled_from(FAULTS))
Places = Mapping[str, Place]


class Source:
    """What a stage reads: the topic, or the files of another sink."""

    def __init__(self, kafka: Topic, hdfs: HdfsDouble, origin: str) -> None:
        self._kafka, self._hdfs, self._origin = kafka, hdfs, origin
        self.topic, self.number, self.rejected, self.messages = self, 0, kafka.rejected, kafka.messages

    @property
    def low(self) -> int:
        return self._kafka.low if self._origin == KAFKA else 0

    def read(self, position: int, count: int) -> list[tuple[int, bytes]]:
        if self._origin == KAFKA:
            return self._kafka.read(position, count)
        return messages_of(self._hdfs, self._origin, position)[:count]


class SinkProcess(Process):
    """One stage of a sink, whose source may be another one than declared."""

    def __init__(self, kafka: Topic, hdfs: HdfsDouble, sink: str, origin: str) -> None:
        self._sink = sink
        super().__init__(cast("Any", Source(kafka, hdfs, origin)), hdfs)

    def place(self, hdfs: HdfsDouble) -> tuple[Site[Any], FileFormat[Any, Any], Reader[Any, Any]]:
        folder = folder_on(hdfs, STAGES[self._sink])
        return Site(hdfs, folder.paths, Inline()), folder.rows, STAGES[self._sink].reader


class Rebuilding(RuleBasedStateMachine):
    """Histories of three sinks, of which any is rebuilt at any time."""

    def __init__(self) -> None:
        super().__init__()
        self.topic, self.hdfs = Topic(), HdfsDouble()
        self.processes = {sink: self.start(sink, origin) for sink, origin in ORIGINS.items()}

    def start(self, sink: str, origin: str) -> SinkProcess:
        return SinkProcess(self.topic, self.hdfs, sink, origin)

    def plan(self, sink: str, places: Places) -> RebuildPlan:
        if ORIGINS[sink] != KAFKA:
            return plan_from_sink(sink, places[sink], ORIGINS[sink], places[ORIGINS[sink]])
        return plan_from_topic(sink, places[sink], {0: self.topic.low}, others(sink, places))

    @rule(hours=strategies.lists(strategies.sampled_from([0, 0, 0, None]), min_size=2, max_size=8), gap=GAP)
    def accept(self, hours: list[int | None], gap: int) -> None:
        self.topic.accept(hours, gap)

    @rule(sink=SINK, count=strategies.integers(1, 8), trouble=TROUBLE)
    def fill(self, sink: str, count: int, trouble: tuple[int, Fault] | None) -> None:
        process = self.processes[sink]
        process.act(process.begin)
        process.read(count)
        self.hdfs.armed = trouble
        for _ in range(5):
            process.act(process.step)
        self.hdfs.armed = None

    @rule(count=strategies.integers(1, 6))
    def delete_by_retention(self, count: int) -> None:
        self.topic.low = min(self.topic.low + count, self.topic.end)

    @rule()
    def deliver_late(self) -> None:
        self.hdfs.deliver_late()

    @rule(sink=SINK, troubles=strategies.lists(TROUBLE, max_size=2), deleted=GAP)
    def rebuild(self, sink: str, troubles: list[tuple[int, Fault] | None], deleted: int) -> None:
        """Until a rebuild comes to its end. Retention may go on between two of them."""
        before, lost = rows_of(self.hdfs, sink), 0
        for trouble in [*troubles, None]:
            plan = self.plan(sink, places_of(self.hdfs.copy()))
            lost += plan.lost
            self.hdfs.armed = trouble
            if self.finishes(plan):
                break
            self.hdfs.armed = None
            self.delete_by_retention(deleted)
        self.hdfs.armed = None
        self.processes[sink] = self.start(sink, ORIGINS[sink])
        after = rows_of(self.hdfs, sink)
        assert lost or before <= after, (plan, before - after)
        self.look()

    def finishes(self, plan: RebuildPlan) -> bool:
        """What `rebuild` does: empty the sink, and fill it."""
        try:
            places_of(self.hdfs)[plan.sink].clear()
            for origin in dict.fromkeys([plan.origin, ORIGINS[plan.sink]]):
                self.start(plan.sink, origin).drain()
        except (Crash, FencedError, UnavailableError):
            return False
        return True

    @rule()
    def look(self) -> None:
        """Each row is one that was accepted, once."""
        accepted = {(offset, value) for offset, value in self.topic.messages}
        for sink in ORIGINS:
            rows = rows_of(self.hdfs, sink)
            assert set(rows.values()) <= {1}
            assert rows.keys() <= {(offset, plain(value)) for offset, value in accepted if value != b"poison"}

    def teardown(self) -> None:
        """When nothing fails any more, a stage goes on behind its rebuild, and nothing is missing that could be had."""
        self.hdfs.armed = None
        self.hdfs.deliver_late()
        for sink in ORIGINS:
            self.rebuild(sink, [], 0)


def others(sink: str, places: Places) -> Iterable[tuple[str, Place]]:
    return [(name, place) for name, place in places.items() if name != sink]


def places_of(hdfs: HdfsDouble) -> dict[str, Place]:
    return {sink: FilesPlace(stage, folder_on(hdfs, stage)) for sink, stage in STAGES.items()}


def messages_of(hdfs: HdfsDouble, sink: str, position: int = 0) -> list[tuple[int, bytes]]:
    """Offset and value of each record that another stage reads."""
    stage = STAGES[sink]
    intake = FilesIntake(folder_on(hdfs.copy(), stage), stage)
    intake.join(lambda _: None)
    intake.seek(0, position)
    found: list[tuple[int, bytes]] = []
    while AtEnd(0) not in (events := intake.read()):
        found += [(each.offset, each.value or b"") for each in events if isinstance(each, Message)]
    intake.close()
    return found


def rows_of(hdfs: HdfsDouble, sink: str) -> Counter[tuple[int, str]]:
    return Counter((offset, plain(value)) for offset, value in messages_of(hdfs, sink))


def plain(value: bytes) -> str:
    return json.dumps(json.loads(value), sort_keys=True)


TestRebuilding = Rebuilding.TestCase
TestRebuilding.settings = settings(
    max_examples=schedules(25), stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)


# Controls: choices as one would make them first


class FromKafkaAlone(Rebuilding):
    """The topic has everything."""

    def plan(self, sink: str, places: Places) -> RebuildPlan:
        return RebuildPlan(sink, ORIGINS[sink], 0, 0)


class FromAnyWithoutGaps(Rebuilding):
    """A sink that has skipped nothing has everything, however far it is."""

    def plan(self, sink: str, places: Places) -> RebuildPlan:
        if ORIGINS[sink] == KAFKA and self.topic.low:
            for name, place in others(sink, places):
                standings = place.standings().values()
                if standings and not any(each.gaps or each.left_out for each in standings):
                    return RebuildPlan(sink, name, 0, 0)
        return super().plan(sink, places)


class WithoutRecount(Rebuilding):
    """The sink that fills it still has what it had."""

    def plan(self, sink: str, places: Places) -> RebuildPlan:
        return super().plan(sink, places) if ORIGINS[sink] == KAFKA else RebuildPlan(sink, ORIGINS[sink], 0, 0)


@pytest.mark.parametrize("control", [FromKafkaAlone, FromAnyWithoutGaps, WithoutRecount])
def test_a_rebuild_from_a_place_that_lacks_rows_is_found_wrong(control: type[Rebuilding]) -> None:
    find_wrong(control, steps=25)
