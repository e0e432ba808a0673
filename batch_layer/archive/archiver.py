"""Archiver: Kafka `posts` to HDFS, each committed message exactly once. Read `flush.py` next: the protocol is there.

One thread reads and decides; uploads run in a pool. Where HDFS or Kafka does not answer it says so, keeps its place in
the group and tries again until they do: nothing is dropped and nothing is skipped. A partition whose log is damaged, or
has a hole, rests in quarantine until somebody has mended it; every other one goes on.
"""

import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from threading import Event

from confluent_kafka import KafkaError, Message
from tenacity import RetryCallState, Retrying, retry_if_exception, wait_random_exponential

from batch_layer.archive.commit_log import CommitLog
from batch_layer.archive.flush import Flush, Outlets, record_gap, recover
from batch_layer.archive.manifest import Manifest
from batch_layer.archive.paths import Paths
from batch_layer.archive.placement import Site, sweep
from batch_layer.archive.summary import Summary
from batch_layer.archive.topic_guard import TopicGuard
from batch_layer.delivery.chunk import Bounds, OpenChunk, largest_over
from batch_layer.delivery.drain import Drain
from batch_layer.delivery.quarantine import Quarantine
from batch_layer.delivery.read_order import Held, next_turn
from batch_layer.storage.file_store import Store
from batch_layer.storage.webhdfs import HdfsStore
from config.errors import DamagedError, FencedError, TrendsError
from config.quantity import quantity
from config.settings import Settings
from ingest.hours import Millis, wall_clock
from ingest.kafka.client import OFFSET_IS_GONE, PARTITION_EOF
from ingest.kafka.consumer import GroupConsumer
from ingest.kafka.dead_letters import DeadLetters

STOP_S = 20.0
"""How long a clean stop tries to archive what was read. What is not archived is read again from Kafka."""
TELL_AFTER_S = 5.0
"""What is not done after so long, or after two tries, is told."""

_log = logging.getLogger(__name__)


class Archiver:
    """Archives the partitions that its consumer group gives it. Several may run, on one machine or on many."""

    def __init__(
        self,
        settings: Settings,
        *,
        now: Callable[[], Millis] = wall_clock,
        after_step: Callable[[str], None] = lambda _: None,
        store: Store | None = None,
    ) -> None:
        """`after_step` is called with the name of each step of `Flush` when it is done."""
        self._topic = settings.kafka.posts
        self._kafka = settings.kafka
        self._bounds = Bounds.of(settings.archive)
        self._now = now
        self._after_step = after_step
        self._consumer = GroupConsumer(settings.kafka, self._topic, settings.kafka.archive_group, self._drop)
        self._threads = ThreadPoolExecutor(settings.archive.upload_threads, "archive-upload")
        self._site = Site(store or HdfsStore(settings.hdfs), Paths(settings.hdfs.root, self._topic), self._threads)
        self._guard = TopicGuard(settings.kafka)
        self._to = Outlets(
            self._site,
            settings.archive.codec,
            DeadLetters(settings).send,
            self._consumer.acknowledge,
            now,
            self._guard.check,
        )
        self._chunks: dict[int, OpenChunk] = {}
        """What is read of each partition whose position is known."""
        self._logs: dict[int, CommitLog] = {}
        self._unswept: set[int] = set()
        """Partitions in which a dead archiver may have left something from where we begin: until we have committed."""
        self._at_end: set[int] = set()
        self._reading: int | None = None
        """The partition whose turn it is to be read alone."""
        self._overtaken: set[int] = set()
        """Partitions whose position Kafka no longer has."""
        self._quarantine = Quarantine(self._topic, time.monotonic)
        self._stop = Event()
        self._give_up_at: float | None = None
        self.summary = Summary()

    def run(self, until_drained: bool, stop: Event) -> Summary:
        """Archive until `stop`, or until the group has archived all that is committed now. What is read is flushed.

        Raises `UnavailableError` where HDFS or Kafka can't be reached at the start; later it waits for them. Raises
        `OtherTopicError` where the archive is of another topic, or the topic is recreated while this runs.
        `DamagedError` where it ends and a partition could not be archived; all others are by then.
        """
        self._stop = stop
        drain = None
        try:
            self._site.store.make_folder(self._site.paths.all_tmp)
            partitions = self._consumer.join()
            self._site = self._site._replace(origin=self._guard.admit(self._site.store, self._site.paths, self._now()))
            self._to = replace(self._to, site=self._site)
            if until_drained:
                drain = Drain(self._kafka, self._site, partitions, self._now())
            while not stop.is_set() and not (drain and self._drained(drain)):
                self._turn(drain)
            self._flush_all()
        finally:
            self._consumer.close()
            self._threads.shutdown()
        if drain is not None:
            self.summary.by_others = drain.by_others
            for error in drain.damage.values():
                raise error
        return self.summary

    def _turn(self, drain: Drain | None) -> None:
        self._reading = next_turn(self._reading, self._held(), self._bounds.far)
        self._consumer.read_alone(self._reading)
        for message in self._consumer.read():
            self._take(message)
        for partition in sorted(self._overtaken):
            self._flush(partition)
            self._drop(partition)
        for partition in sorted(self._consumer.owned - self._chunks.keys() - self._quarantine.resting()):
            self._alone(partition, partial(self._begin, partition))
        if drain is not None:
            for partition in self._reached(drain) & drain.left:
                self._flush(partition)
        self._flush_due()

    def _held(self) -> dict[int, Held]:
        return {partition: Held(chunk.records, self._lag(chunk)) for partition, chunk in self._chunks.items()}

    def _lag(self, chunk: OpenChunk) -> int:
        """Behind its last message a partition may have markers of transactions, so its end must have been seen."""
        return 0 if chunk.partition in self._at_end else self._consumer.lag(chunk.partition, chunk.next)

    def _drained(self, drain: Drain) -> bool:
        archived = {partition for partition in self._reached(drain) if not self._chunks[partition].records}
        return drain.done(archived, self._consumer.owned, self._quarantine.damage)

    def _reached(self, drain: Drain) -> set[int]:
        """The partitions of ours that are read as far as the drain asks."""
        chunks = self._chunks.items()
        return {number for number, chunk in chunks if drain.reached(number, chunk.next, number in self._at_end)}

    def _take(self, message: Message) -> None:
        """One message or event. Those of partitions whose position is not known yet are left alone."""
        partition: int = message.partition()
        chunk = self._chunks.get(partition)
        if chunk is None:
            return
        error = message.error()
        if error is not None:
            self._take_event(partition, error)
        elif message.offset() < chunk.next:
            _log.error("%s/%d: offset %d came again", self._topic, partition, message.offset())
            self._drop(partition)
        else:
            self._at_end.discard(partition)
            chunk.take(message.value(), message.offset(), self._now(), self._bounds.future_ms)

    def _take_event(self, partition: int, error: KafkaError) -> None:
        code = error.code()
        if code == PARTITION_EOF:
            self._at_end.add(partition)
        elif code in {OFFSET_IS_GONE, KafkaError.OFFSET_OUT_OF_RANGE}:
            self._overtaken.add(partition)
        elif error.fatal() or code in {KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError.TOPIC_AUTHORIZATION_FAILED}:
            raise TrendsError(error.str(), where=f"{self._topic}/{partition}", next_step="`trends doctor` looks around")
        else:
            _log.warning("%s/%d: %s", self._topic, partition, error.str())

    def _begin(self, partition: int) -> None:
        """Finish what was committed, find the position, and read from there, if the topic is still the same."""
        self._guard.check()
        log = CommitLog(self._site.store, self._site.paths, partition, self._site.origin.archive)
        position = recover(self._site, log)
        low, high = self._consumer.offsets(partition)
        self._guard.check_position(partition, position, high)
        if position < low:
            if not record_gap(self._site, log, low, self._now()):
                return  # another archiver was quicker: the next turn begins again
            self._tell_gap(partition, position, low)
        self._quarantine.release(partition)
        self._consumer.seek(partition, log.position)
        sweep(self._site, log)
        self._unswept.add(partition)
        self._logs[partition] = log
        self._chunks[partition] = OpenChunk(self._topic, partition, log.position)
        _log.info("%s/%d: archiving from offset %d", self._topic, partition, log.position)

    def _tell_gap(self, partition: int, position: int, low: int) -> None:
        self.summary.lost(low - position)
        _log.error(
            "%s/%d: Kafka has deleted offsets %d to %d before they were archived: they are lost. "
            "Give the topic a longer retention, or the archiver more time",
            *(self._topic, partition, position, low - 1),
        )

    def _drop(self, partition: int) -> None:
        """Let go of a partition. What was read of it is in Kafka still, and its position in the manifests."""
        self._chunks.pop(partition, None)
        self._logs.pop(partition, None)
        self._unswept.discard(partition)
        self._at_end.discard(partition)
        self._overtaken.discard(partition)

    def _flush_due(self) -> None:
        now = self._now()
        for partition, chunk in list(self._chunks.items()):
            growing = partition == self._reading or self._lag(chunk) > self._bounds.far
            if chunk.due(self._bounds, now, growing=growing):
                self._flush(partition)
        while (largest := largest_over(list(self._chunks.values()), self._bounds)) is not None:
            self._flush(largest.partition)

    def _flush_all(self) -> None:
        for partition in list(self._chunks):
            self._flush(partition)

    def _flush(self, partition: int) -> None:
        chunk = self._chunks.get(partition)
        if chunk is None or not chunk.records:
            return
        log = self._logs[partition]
        self._chunks[partition] = OpenChunk(self._topic, partition, chunk.next)
        flush = Flush(self._to, log, chunk)
        try:
            self._alone(partition, lambda: self._count(flush.run(self._after_step)))
        except FencedError as error:
            _log.warning("%s: ours is dropped, reading on from there", error)
            self._drop(partition)
        else:
            self._alone(partition, partial(self._tidy, partition, log))

    def _tidy(self, partition: int, log: CommitLog) -> None:
        """What is done behind a commit, and could wait."""
        log.index()
        if partition in self._unswept:
            sweep(self._site, log)
            self._unswept.discard(partition)

    def _count(self, chunk: Manifest) -> None:
        self.summary.add(chunk)
        posts, files = quantity(chunk.records, "post"), quantity(len(chunk.parts), "file")
        where = f"{self._topic}/{chunk.partition}"
        _log.info("%s: archived up to %d: %s in %s, %d rejected", where, chunk.next, posts, files, chunk.rejected)

    def _alone(self, partition: int, task: Callable[[], None]) -> None:
        """Persist with a task of one partition. Damage that it meets stops this partition, and no other one."""
        try:
            self._persist(partition, task)
        except DamagedError as error:
            self._quarantine.put(partition, error)
            self._drop(partition)

    def _persist(self, partition: int, task: Callable[[], None]) -> None:
        """Try until it succeeds, the partition is somebody else's, or a stop has taken too long."""
        retrying = Retrying(
            retry=retry_if_exception(lambda error: isinstance(error, TrendsError) and error.retriable),
            wait=wait_random_exponential(multiplier=0.1, max=30),
            stop=lambda _: partition not in self._consumer.owned or self._stopped_long_ago(),
            sleep=lambda seconds: self._consumer.wait(seconds, self._take, self._stop.is_set),
            before_sleep=self._tell,
            reraise=True,
        )
        try:
            retrying(task)
        except TrendsError as error:
            if not error.retriable:
                raise
            _log.warning("%s/%d is let go: %s", self._topic, partition, error)
            self._drop(partition)

    def _stopped_long_ago(self) -> bool:
        if not self._stop.is_set():
            return False
        if self._give_up_at is None:
            self._give_up_at = time.monotonic() + STOP_S
        return time.monotonic() > self._give_up_at

    def _tell(self, state: RetryCallState) -> None:
        passing = state.attempt_number < 3 and (state.seconds_since_start or 0) < TELL_AFTER_S
        level = logging.DEBUG if passing else logging.WARNING
        error = state.outcome.exception() if state.outcome else None
        _log.log(level, "degraded, try %d, nothing is lost: %s", state.attempt_number, error)
