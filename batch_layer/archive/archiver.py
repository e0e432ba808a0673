"""Archiver: Kafka `posts` to HDFS, each committed message exactly once: `DeliveryRunner` with an `ArchiveSink`."""

from collections.abc import Callable
from threading import Event

from batch_layer.archive.sink import ArchiveSink
from batch_layer.archive.summary import Summary
from batch_layer.delivery.chunk import Bounds
from batch_layer.delivery.runner import DeliveryRunner
from batch_layer.delivery.topic_intake import TopicIntake
from batch_layer.storage.file_store import Store
from config.settings import ArchiveSettings, Settings
from ingest.hours import Millis, wall_clock


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
        """`after_step` gets the name of each step of `Flush` when it ends."""
        kafka = settings.kafka
        intake = TopicIntake(kafka, kafka.posts, kafka.archive_group)
        sink = ArchiveSink(settings, intake.acknowledge, now=now, after_step=after_step, store=store)
        self.runner = DeliveryRunner(kafka.posts, intake, sink, bounds_of(settings.archive), now)
        self.summary = sink.summary

    def run(self, until_drained: bool, stop: Event) -> Summary:
        """Archive until `stop`, or until the group has archived all messages of now. Flushes all chunks at the end.

        Raises as `DeliveryRunner.run` does.
        """
        self.runner.run(until_drained, stop)
        return self.summary


def bounds_of(settings: ArchiveSettings) -> Bounds:
    """The bounds of a chunk, from the settings."""
    return Bounds(settings.flush_records, settings.flush_bytes, int(settings.flush_after_s * 1000))
