"""The law of the archive: after any history, each accepted offset is archived once, or rejected, or told as lost.

A history has several archivers that own the same partition at once, crash in the middle of any call, lose calls and
replies, have renames done long after they gave up, read late posts and poison, and are overtaken by retention and by
compaction. Simpler protocols are run through such histories as well: they must be found wrong.
"""

import random
from collections import Counter

import pytest
from hypothesis import HealthCheck, settings

from tests.support.archive_histories import FAULTS, Archiving
from tests.support.archive_model import Process, Topic
from tests.support.hdfs_double import Crash, HdfsDouble
from tests.support.schedules import find_wrong, schedules

TestArchiving = Archiving.TestCase
TestArchiving.settings = settings(
    max_examples=schedules(200), stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)


# Controls: the protocol without its fence, and two that have none


class ReplacingHdfs(HdfsDouble):
    """Its rename replaces what is there, as that of other file systems does."""

    def _renamed(self, path: str, to: str) -> bool:
        if path in self.files:
            self.files.pop(to, None)
        return super()._renamed(path, to)


class WithoutFence(Archiving):
    """Two manifests may be put at one offset, one over the other."""

    double = ReplacingHdfs


class Careless(Process):
    """It asks which topic it is when it starts, and never again."""

    asks = False


class WithoutQuestion(Archiving):
    """What was read of a recreated topic is committed to the archive of the former one."""

    process = Careless


@pytest.mark.parametrize("control", [WithoutFence, WithoutQuestion])
def test_without_one_of_its_rules_it_archives_wrongly(control: type[Archiving]) -> None:
    find_wrong(control)


class Shortcut:
    """What not to do: parts become visible one by one, and where to start is told by the largest name."""

    def __init__(self, topic: Topic, hdfs: HdfsDouble, directly: bool) -> None:
        self._topic, self._hdfs, self._directly = topic, hdfs, directly

    def run(self, count: int) -> None:
        position = max((int(name.split("+")[1]) for name in self._names()), default=0)
        messages = self._topic.read(position, count)
        end = messages[-1][0] + 1 if messages else position
        for hour in range(3):
            offsets = [offset for offset, _ in messages if offset % 3 == hour]
            if offsets:
                self._write(f"/{hour}+{end}+{position}", " ".join(map(str, offsets)).encode())

    def _write(self, path: str, data: bytes) -> None:
        if self._directly:
            self._hdfs.put(path, data)
        else:
            self._hdfs.put(f"/_tmp{path}", data)
            self._hdfs.rename(f"/_tmp{path}", path)

    def _names(self) -> list[str]:
        return [entry.name for entry in self._hdfs.entries("/") if not entry.is_folder]

    def archived(self) -> Counter[int]:
        return Counter(o for name in self._names() for o in map(int, self._hdfs.files[f"/{name}"].split()))


@pytest.mark.parametrize("directly", [True, False], ids=["writing to the final path", "the largest name"])
def test_the_shortcuts_are_found_wrong(directly: bool) -> None:
    assert any(_wrong(random.Random(seed), directly) for seed in range(100))


def _wrong(chance: random.Random, directly: bool) -> bool:
    topic, hdfs = Topic(), HdfsDouble()
    shortcut = Shortcut(topic, hdfs, directly)
    for _ in range(6):
        topic.accept([0] * chance.randint(1, 6), 1)
        hdfs.armed = (chance.randint(0, 9), chance.choice([*FAULTS[:2], "cut"]))
        try:
            shortcut.run(chance.randint(2, 12))
        except Crash:
            continue
    hdfs.armed = None
    for _ in topic.messages:
        shortcut.run(len(topic.messages))
    return shortcut.archived() != Counter(offset for offset, _ in topic.messages)
