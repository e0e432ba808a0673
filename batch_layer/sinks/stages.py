"""Stages: the loop of `batch_layer/delivery` with the intake and the sink that a feed declares."""

from collections.abc import Callable
from dataclasses import replace
from threading import Event

from batch_layer.delivery.chunk import Bounds, Reader
from batch_layer.delivery.intake import Intake
from batch_layer.delivery.runner import DeliveryRunner
from batch_layer.delivery.start_line import Start
from batch_layer.delivery.topic_intake import TopicIntake
from batch_layer.sinks.contract import Loop, Place, Stage
from batch_layer.sinks.registry import kind_of
from config.errors import TrendsError, UsageError
from config.settings import Settings
from ingest.feeds.declaration.model import ARCHIVE, NamedFeed
from ingest.feeds.rows.row_reader import Row, RowReader
from ingest.hours import Millis, wall_clock
from ingest.kafka.dead_letters import DeadLetters
from ingest.kafka.message import Message

PACKET_BYTES = 64_000_000
"""A chunk ends with so many bytes, however many messages its packet may have."""


class FeedStage:
    """One sink of a feed at work."""

    def __init__(  # noqa: PLR0913 - what it connects, and how
        self,
        settings: Settings,
        feed: NamedFeed,
        sink: str,
        *,
        from_now: bool = False,
        now: Callable[[], Millis] = wall_clock,
        after_step: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`from_now` skips whatever is there at the start of `run`; the sink records it as a gap."""
        stage = make_stage(settings, feed, sink, now=now, after_step=after_step)
        table = feed.declaration.sinks[sink]
        packet = table.packet
        first = Start.FIRST_NOW if table.start == "now" else Start.POSITION
        bounds = Bounds(packet.messages, PACKET_BYTES, int(packet.after * 1000))
        start = Start.NOW if from_now else first
        self._loop = kind_of(table).make_loop(stage, bounds, start) or _deliveries(stage, bounds, start)

    def run(self, until_drained: bool, stop: Event, report: Callable[[TrendsError | None], None]) -> None:
        """Deliver until `stop`, or until the sink has everything of now: see `DeliveryRunner.run`."""
        self._loop.run(until_drained, stop, report)


def make_stage(
    settings: Settings,
    feed: NamedFeed,
    sink: str,
    *,
    now: Callable[[], Millis] = wall_clock,
    after_step: Callable[[str], None] = lambda _: None,
) -> Stage:
    """What a sink and its place are made from. Raises `UsageError` where the feed has no such sink, or no topic."""
    sinks, topic = feed.declaration.sinks, feed.declaration.topic
    if sink not in sinks:
        raise UsageError(f"no sink {sink[:70]!r}; there are {', '.join(sinks)}", where=f"feed {feed.name}")
    if sinks[sink].from_ == ARCHIVE:
        name, reader = settings.kafka.posts, Reader("archive", _read_nothing)
    elif topic is None:
        raise UsageError("it has no topic", where=f"feed {feed.name}", next_step="Give its file a [topic]")
    else:
        rows = RowReader(feed.declaration, sink, topic.name)
        name, reader = topic.name, Reader(f"feed/{feed.name}/{sink}", rows.read)
    return Stage(
        settings,
        feed,
        sink,
        name,
        reader,
        DeadLetters(settings).send,
        now,
        after_step,
    )


def open_place(settings: Settings, feed: NamedFeed, sink: str) -> Place:
    """What a sink holds. Raises as `make_stage` does."""
    stage = make_stage(settings, feed, sink)
    return kind_of(feed.declaration.sinks[sink]).make_place(stage)


def _deliveries(stage: Stage, bounds: Bounds, start: Start) -> Loop:
    intake = _intake(stage)
    sink = kind_of(stage.feed.declaration.sinks[stage.sink]).make_sink(replace(stage, intake=intake))
    return DeliveryRunner(stage.topic, intake, sink, bounds, stage.now, start=start, acknowledge=intake.acknowledge)


def _read_nothing(_message: Message, _now: Millis) -> tuple[str, Row] | None:
    """The archiver reads the posts."""
    return None


def group_of(feed: str, sink: str) -> str:
    """The consumer group that shares the partitions of a feed's topic for one sink."""
    return f"feed.{feed}.{sink}"


def _intake(stage: Stage) -> Intake:
    sinks = stage.feed.declaration.sinks
    origin = sinks[stage.sink].from_
    if origin == "kafka":
        return TopicIntake(stage.settings.kafka, stage.topic, group_of(stage.feed.name, stage.sink))
    return open_place(stage.settings, stage.feed, origin).intake(stage)
