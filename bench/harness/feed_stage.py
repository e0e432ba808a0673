"""Feeds of a bench: one stage in a process of its own, whose clock begins with its first message."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from psycopg import sql

from batch_layer.delivery.chunk import Bounds
from batch_layer.delivery.intake import Event
from batch_layer.delivery.runner import DeliveryRunner
from batch_layer.delivery.topic_intake import TopicIntake
from batch_layer.sinks.contract import Place
from batch_layer.sinks.registry import kind_of
from batch_layer.sinks.stages import PACKET_BYTES, group_of, make_stage, open_place
from batch_layer.storage.postgres import connect
from bench.harness.stack_settings import read
from bench.harness.subprocess_run import Ran, clocked
from config.settings import Settings
from ingest.feeds.declaration.model import Feed, NamedFeed
from ingest.hours import wall_clock

PACKET = 10_000
"""Messages, as a feed has it unless its file says otherwise."""
COLUMNS = {
    "date_time": {"from": "dt", "type": "timestamp", "zone": "Europe/Paris"},
    "msg_offset": {"from": "$offset", "type": "bigint"},
    "partition": {"from": "$partition", "type": "int"},
    "value": {"from": "$value", "type": "json"},
}
"""Those of the recipe: the time in its zone, the position, and the whole record."""
_NAME, _SINK = "bench", "sink"


def feed_of(topic: str, table: dict[str, Any]) -> NamedFeed:
    """A feed with one sink, whose topic others fill."""
    declared = {"about": "A bench", "topic": {"name": topic}, "sinks": {_SINK: {"columns": COLUMNS} | table}}
    return NamedFeed(_NAME, Feed.model_validate(declared))


def deliver(settings_file: Path, topic: str, table: dict[str, Any]) -> Ran:
    """The stage as the process of a feed builds it, but for the intake, which notes when its first message came."""
    settings = read(settings_file)
    stage = make_stage(settings, feed_of(topic, table), _SINK)
    intake = _Noted(settings.kafka, topic, group_of(_NAME, _SINK))
    keeper = kind_of(stage.feed.declaration.sinks[_SINK]).make_sink(stage)
    runner = DeliveryRunner(topic, intake, keeper, Bounds(PACKET, PACKET_BYTES, 10_000), wall_clock)
    ran = clocked(runner.run, True, threading.Event())
    return ran._replace(seconds=time.perf_counter() - intake.began)


def place_of(settings: Settings, topic: str, table: dict[str, Any]) -> Place:
    """What that stage has written."""
    return open_place(settings, feed_of(topic, table), _SINK)


class _Noted(TopicIntake):
    """An intake that notes when its first message came."""

    began = 0.0

    def read(self) -> list[Event]:
        """See `Intake`."""
        events = super().read()
        if events and not self.began:
            self.began = time.perf_counter()
        return events


@contextmanager
def database(settings: Settings) -> Iterator[None]:
    """The database of PostgreSQL that the settings name, made and in the end dropped."""
    name = sql.Identifier(settings.postgres.database)
    with connect(settings, "postgres", autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(name))
    try:
        yield
    finally:
        with connect(settings, "postgres", autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))
