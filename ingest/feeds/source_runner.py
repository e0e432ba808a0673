"""Runs the source of a feed: its records into the feed's topic, each once, with the cursor behind them."""

import threading
from collections.abc import Callable

from confluent_kafka import KafkaError, Message

from config.settings import Settings
from ingest.feeds.declaration.model import NamedFeed
from ingest.feeds.record import Record
from ingest.feeds.record_encoder import RecordEncoder, topic_of
from ingest.feeds.sources.feed_sources import make_source
from ingest.feeds.sources.source_request import logger
from ingest.hours import Millis, wall_clock
from ingest.kafka.topics import TopicSpec, core_topics, create_topics, log_topic
from ingest.producer import Committed, Producer
from ingest.run_boundaries import commit_final_state, cursor_to_resume
from ingest.sources.base import Source
from ingest.standings import OF_FEED

CONNECT_S = 10.0
"""Longest wait for the brokers at the start, seconds."""
_AGAIN = "Give the feed another topic, or the file another name: the feed then reads it from its beginning"


def run_source(  # noqa: PLR0913 - a run, and how it reports
    settings: Settings,
    feed: NamedFeed,
    stop: threading.Event,
    report: Callable[[Committed], None] = lambda _: None,
    *,
    now: Callable[[], Millis] = wall_clock,
    say: Callable[[str], None] = logger.info,
    deliver: Callable[[str], None] | None = None,
    most_polls: int | None = None,
) -> Committed:
    """Write the records of a feed's source until it ends or until `stop`; resume after the last commit.

    `report` gets each commit. `deliver` gets a line for each message that the brokers take or refuse, and `committed 4`
    behind those of a transaction: no reader sees them before. Raises `UsageError` for a source that can't start,
    `FencedError` if another run of this feed has taken over, `OtherTopicError`, `UnavailableError`, and the errors of
    the source.
    """
    source = make_source(settings, feed, stop, now, say=say, most_polls=most_polls)
    create_topics(settings.kafka, topics_of(settings, feed), CONNECT_S)
    encoder = RecordEncoder(settings.kafka, settings.ingest, feed)
    on_delivery = None if deliver is None else _delivery_lines(encoder.topic, deliver)

    last = 0

    def on_commit(committed: Committed) -> None:
        nonlocal last
        if deliver is not None and committed.counts.posts != last:
            last = committed.counts.posts
            deliver(f"committed {last}")
        report(committed)

    with Producer(settings.kafka, settings.ingest, encoder, name_of_source(feed, source), on_delivery) as producer:
        cursor = cursor_to_resume(source, producer, "records", _AGAIN, say)
        with commit_final_state(source, producer):
            return producer.run(source, cursor, stop, on_commit)


def topics_of(settings: Settings, feed: NamedFeed) -> list[TopicSpec]:
    """The topic that a feed fills, if it has one, and those of its rejects and cursors."""
    table, kafka, most = feed.declaration.topic, settings.kafka, settings.ingest.max_post_bytes
    shared = [topic for topic in core_topics(kafka, most) if topic.name in (kafka.rejects, kafka.cursors)]
    if table is None:
        return shared
    return [log_topic(kafka, table.name, table.partitions, int(table.keep * 1000), most), *shared]


def name_of_source(feed: NamedFeed, source: Source[Record]) -> str:
    """The key of the cursor, and the transactional id. No two feeds, topics or questions share it."""
    return f"{OF_FEED}{feed.name}/{topic_of(feed).name}/{source.name}"


def _delivery_lines(topic: str, deliver: Callable[[str], None]) -> Callable[[KafkaError | None, Message], None]:
    """A callback of the client: a line for each message of the topic."""

    def on_delivery(error: KafkaError | None, message: Message) -> None:
        if message.topic() != topic:
            return
        if error is None:
            deliver(f"{topic}/{message.partition()}@{message.offset()} delivered")
        else:
            deliver(f"{topic}: failed: {error.str()}")

    return on_delivery
