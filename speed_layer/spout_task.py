"""Feed: all partitions of one spout task, with what they read from and are stored in. The spout without Storm."""

import logging
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import NamedTuple

from config.errors import TrendsError
from config.settings import Settings, SpeedSettings
from ingest.hours import Hour, Millis, moment_of
from ingest.kafka.dead_letters import DeadLetters
from serving.views.client import Store
from speed_layer.heartbeats import Writer
from speed_layer.lane_update import Step, parse_tuple_id, tuple_id
from speed_layer.lanes import Lanes
from speed_layer.partition import Limits, Partition, World
from speed_layer.reader import Reader
from speed_layer.topic_watch import TopicWatch

log = logging.getLogger(__name__)

BUSY_S, IDLE_S = 0.002, 0.020
"""How long a poll may wait for messages: acks can't come meanwhile, so hardly while a chunk is in flight."""
SAVE_MS, LOOK_MS, MARK_MS, SWEEP_MS = 1_000, 5_000, 5_000, 60_000
QUIET = timedelta(hours=1)
"""A lane that was not written for so long may be swept."""
SWEPT_AT_ONCE = 1_000


class Emission(NamedTuple):
    """A step to emit, under its tuple's id."""

    id: str
    step: Step


class Feed:
    """Call `poll` again and again, and tell it of each tuple's fate. Nothing in it raises for a server that is down."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        partitions: Callable[[], Sequence[int]],
        now: Callable[[], Millis],
        topology: str = "no topology",
    ) -> None:
        """`partitions` tells which partitions to count now: it is asked every 5 s, and those that are new are taken.

        `now` is the wall clock: it decides which hours can't be yet, and which lanes are old.
        """
        self._settings = settings
        self._now = now
        self._store = store
        self._lanes = Lanes(store, settings.kafka.hashtags)
        self._writer = Writer(store, settings.kafka.hashtags, topology)
        self._keep = timedelta(days=settings.speed.keep_days)
        self._dead_letters = DeadLetters(settings)
        self._readers: dict[int, Reader] = {}
        self._saved: dict[int, int] = {}
        self._save_at = self._look_at = self._mark_at = self._sweep_at = 0
        self._world = World(self._dead_letters.send, self._latest, monotonic_ms)
        self._look_up = partitions
        self._topic = TopicWatch(settings.kafka, settings.kafka.hashtags)
        self._partitions: dict[int, Partition] = {}

    def poll(self) -> list[Emission]:
        """Read and fold for a moment; what is due now. A due chunk takes the others along: one transaction for all."""
        self._take_new()
        self._start_one()
        self._read()
        partitions = self._partitions.values()
        emitted: list[Emission] = []
        due = any(partition.due() for partition in partitions)
        if (due or self._topic.waits) and self._is_same_topic() and due:
            for partition in partitions:
                emitted += self._cut(partition)
        self._keep_house()
        return emitted

    def ack(self, name: str) -> None:
        """The tuple of this id was counted."""
        number, serial, hour = parse_tuple_id(name)
        self._partitions[number].ack(serial, hour)

    def fail(self, name: str) -> None:
        """The tuple of this id was refused, or timed out."""
        number, serial, hour = parse_tuple_id(name)
        self._partitions[number].fail(serial, hour)

    def save(self) -> None:
        """Store how far each partition is counted."""
        moved = {
            number: partition.position
            for number, partition in self._partitions.items()
            if partition.position > self._saved.get(number, 0)
        }
        self._lanes.save(moved, {number: self._partitions[number].lineage for number in moved})
        self._saved |= moved

    def close(self) -> None:
        """Give back connections. Saves nothing."""
        for reader in self._readers.values():
            reader.close()
        self._readers.clear()

    def _take_new(self) -> None:
        """Now and then, take the partitions that Kafka has and this does not know. None is ever given up."""
        if monotonic_ms() < self._look_at:
            return
        self._look_at = monotonic_ms() + LOOK_MS
        self._is_same_topic()  # one that brings nothing is asked for, too
        topic, limits = self._settings.kafka.hashtags, limits_of(self._settings.speed)
        try:
            new = set(self._look_up()) - self._partitions.keys()
        except TrendsError as error:
            log.warning("new partitions are not looked for now: %s", error)
            return
        for number in sorted(new):
            self._partitions[number] = Partition(topic, number, limits, self._world)
            self._mark_at = 0
        if new:
            log.info("%s: counting the partitions %s from now on", topic, sorted(new))

    def _start_one(self) -> None:
        """Start one lost partition, no more: each may wait for servers."""
        lost = next((partition for partition in self._partitions.values() if partition.may_start()), None)
        if lost is None:
            return
        try:
            self._close_reader(lost.number)
            if self._topic.renew():
                self._lose_all()
            reader = self._readers[lost.number] = Reader(self._settings.kafka, lost.number)
            lineage = self._lanes.lineage(lost.number, self._topic.id, reader.end())
            counted = self._lanes.read(lost.number, lineage)
            begin = reader.start(counted.progress)
        except TrendsError as error:
            lost.lose(str(error))
            return
        self._saved[lost.number] = counted.progress
        lost.start(begin, counted.ahead, lineage)
        log.info("partition %d: counting from %d, %d lanes ahead of it", lost.number, begin, len(counted.ahead))

    def _is_same_topic(self) -> bool:
        """Whether all that is folded is known to be of one topic. If it was recreated, all is read again: from it."""
        same = self._topic.confirm(BUSY_S)
        if same is False:
            self._lose_all()
        return same is True

    def _lose_all(self) -> None:
        for partition in self._partitions.values():
            partition.lose("the topic was deleted and recreated")

    def _read(self) -> None:
        if self._topic.waits:
            return
        busy = any(partition.in_flight for partition in self._partitions.values())
        wait_s = (BUSY_S if busy else IDLE_S) / max(1, len(self._partitions))
        for number, partition in self._partitions.items():
            room = partition.room()
            if room <= 0 or number not in self._readers:
                continue
            try:
                messages = self._readers[number].read(room, wait_s)
            except TrendsError as error:
                partition.lose(str(error))
                continue
            if messages:
                partition.take(messages)

    def _cut(self, partition: Partition) -> list[Emission]:
        if not partition.ready():
            return []
        try:
            unknown = partition.unknown()
            if unknown:
                partition.learn(self._lanes.next_of(partition.number, unknown, partition.lineage))
        except TrendsError as error:
            partition.lose(str(error))
        steps = partition.cut()
        return [Emission(tuple_id(partition.number, partition.serial, step.hour), step) for step in steps]

    def _keep_house(self) -> None:
        now = monotonic_ms()
        try:
            if now >= self._save_at:
                self._save_at = now + SAVE_MS
                self.save()
            if now >= self._mark_at:
                self._mark_at = now + MARK_MS
                self._writer.mark(self._partitions)
                self._store.stay_prepared()
            if now >= self._sweep_at:
                self._sweep_at = now + SWEEP_MS
                self._sweep()
        except TrendsError as error:
            log.warning("progress and marks are not saved for now: %s", error)

    def _sweep(self) -> None:
        before = moment_of(self._now()) + self._keep - QUIET
        for number, partition in self._partitions.items():
            if not partition.in_flight:
                saved = self._saved.get(number, 0)
                partition.unlearn(self._lanes.sweep(number, saved, before, SWEPT_AT_ONCE, partition.lineage))

    def _latest(self) -> Hour:
        return Hour.of(self._now() + int(self._settings.archive.future_s * 1000))

    def _close_reader(self, number: int) -> None:
        reader = self._readers.pop(number, None)
        if reader is not None:
            reader.close()


def limits_of(settings: SpeedSettings) -> Limits:
    """How large chunks grow."""
    return Limits(settings.chunk_messages, max(settings.chunk_messages, settings.backlog_messages), settings.chunk_ms)


def monotonic_ms() -> Millis:
    """A clock that only goes forward."""
    return time.monotonic_ns() // 1_000_000
