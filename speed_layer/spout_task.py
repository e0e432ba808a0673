"""SpoutTask: all partitions of one spout task, with their readers and their store. The spout without Storm."""

import logging
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import NamedTuple

from config.errors import TrendsError
from config.settings import Settings, SpeedSettings
from ingest.hours import Hour, Millis, moment_of
from ingest.kafka.dead_letters import DeadLetters
from serving.views.store import Store
from speed_layer.heartbeats import Heartbeats
from speed_layer.lane_update import LaneUpdate, parse_tuple_id, tuple_id
from speed_layer.lanes import Lanes
from speed_layer.partition import Environment, Limits, Partition
from speed_layer.reader import Reader
from speed_layer.topic_watch import TopicWatch

log = logging.getLogger(__name__)

BUSY_S, IDLE_S = 0.002, 0.020
"""How long a poll may wait for messages. No ack comes meanwhile, so the wait is short while a chunk is in flight."""
SAVE_MS, ASSIGN_MS, HEARTBEAT_MS, SWEEP_MS = 1_000, 5_000, 5_000, 60_000
QUIET = timedelta(hours=1)
"""A sweep may remove a lane that had no update for so long."""
SWEEP_LIMIT = 1_000


class Emission(NamedTuple):
    """A lane update to emit, under its tuple's id."""

    id: str
    update: LaneUpdate


class SpoutTask:
    """Call `poll` again and again, and `ack` or `fail` for each tuple. It never raises because a server is down."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        partitions: Callable[[], Sequence[int]],
        now: Callable[[], Millis],
        topology: str = "no topology",
    ) -> None:
        """`partitions` returns the partitions to count now; the task calls it every 5 s and adds those that are new.

        `now` is the wall clock: it decides which hours are still to come, and which lanes are old.
        """
        self._settings = settings
        self._now = now
        self._store = store
        self._lanes = Lanes(store, settings.kafka.hashtags)
        self._heartbeats = Heartbeats(store, settings.kafka.hashtags, topology)
        self._keep = timedelta(days=settings.speed.keep_days)
        self._dead_letters = DeadLetters(settings)
        self._readers: dict[int, Reader] = {}
        self._saved: dict[int, int] = {}
        self._save_at = self._assign_at = self._heartbeat_at = self._sweep_at = 0
        self._environment = Environment(self._dead_letters.send, self._latest, monotonic_ms)
        self._assigned = partitions
        self._topic = TopicWatch(settings.kafka, settings.kafka.hashtags)
        self._partitions: dict[int, Partition] = {}

    def poll(self) -> list[Emission]:
        """Read and fold for a moment; the updates that are due. A due chunk takes the others along: one transaction."""
        self._add_partitions()
        self._start_one()
        self._read()
        partitions = self._partitions.values()
        emissions: list[Emission] = []
        due = any(partition.due() for partition in partitions)
        if (due or self._topic.waits) and self._is_same_topic() and due:
            for partition in partitions:
                emissions += self._cut(partition)
        self._keep_house()
        return emissions

    def ack(self, name: str) -> None:
        """Storm acked the tuple of this id."""
        number, serial, hour = parse_tuple_id(name)
        self._partitions[number].ack(serial, hour)

    def fail(self, name: str) -> None:
        """A bolt refused the tuple of this id, or it timed out."""
        number, serial, hour = parse_tuple_id(name)
        self._partitions[number].fail(serial, hour)

    def save(self) -> None:
        """Store the progress of each partition."""
        moved = {
            number: partition.position
            for number, partition in self._partitions.items()
            if partition.position > self._saved.get(number, 0)
        }
        self._lanes.save(moved, {number: self._partitions[number].lineage for number in moved})
        self._saved |= moved

    def close(self) -> None:
        """Close the connections to Kafka, and save nothing."""
        for reader in self._readers.values():
            reader.close()
        self._readers.clear()

    def _add_partitions(self) -> None:
        """Now and then, add the partitions that Kafka has and this does not know. It never gives one up."""
        if monotonic_ms() < self._assign_at:
            return
        self._assign_at = monotonic_ms() + ASSIGN_MS
        self._is_same_topic()  # notice a recreated topic that brings no message, too
        topic, limits = self._settings.kafka.hashtags, limits_of(self._settings.speed)
        try:
            new = set(self._assigned()) - self._partitions.keys()
        except TrendsError as error:
            log.warning("can't look for new partitions now: %s", error)
            return
        for number in sorted(new):
            self._partitions[number] = Partition(topic, number, limits, self._environment)
            self._heartbeat_at = 0
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
        """Whether everything in the folds is of one topic. If it was recreated, read all partitions of it again."""
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
            unknown = partition.unknown_hours()
            if unknown:
                partition.learn(self._lanes.next_of(partition.number, unknown, partition.lineage))
        except TrendsError as error:
            partition.lose(str(error))
        updates = partition.cut()
        return [Emission(tuple_id(partition.number, partition.serial, update.hour), update) for update in updates]

    def _keep_house(self) -> None:
        now = monotonic_ms()
        try:
            if now >= self._save_at:
                self._save_at = now + SAVE_MS
                self.save()
            if now >= self._heartbeat_at:
                self._heartbeat_at = now + HEARTBEAT_MS
                self._heartbeats.send(self._partitions)
                self._store.stay_prepared()
            if now >= self._sweep_at:
                self._sweep_at = now + SWEEP_MS
                self._sweep()
        except TrendsError as error:
            log.warning("can't save progress and heartbeats now: %s", error)

    def _sweep(self) -> None:
        before = moment_of(self._now()) + self._keep - QUIET
        for number, partition in self._partitions.items():
            if not partition.in_flight:
                saved = self._saved.get(number, 0)
                partition.unlearn(self._lanes.sweep(number, saved, before, SWEEP_LIMIT, partition.lineage))

    def _latest(self) -> Hour:
        return Hour.of(self._now() + int(self._settings.archive.future_s * 1000))

    def _close_reader(self, number: int) -> None:
        reader = self._readers.pop(number, None)
        if reader is not None:
            reader.close()


def limits_of(settings: SpeedSettings) -> Limits:
    """The limits of chunks, from the settings."""
    return Limits(settings.chunk_messages, max(settings.chunk_messages, settings.backlog_messages), settings.chunk_ms)


def monotonic_ms() -> Millis:
    """A clock that only goes forward."""
    return time.monotonic_ns() // 1_000_000
