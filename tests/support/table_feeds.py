"""A feed of weather records into PostgreSQL, and what its tables hold, read by psycopg alone."""

import json
import os
import signal
import sys
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from batch_layer.sinks.stages import FeedStage
from bench.harness import stack_settings
from config.settings import Settings
from config.settings.logins import postgres_login
from ingest.feeds.declaration.model import Feed, NamedFeed

COLUMNS = {
    "date_time": {"from": "$at", "type": "timestamp", "zone": "Europe/Paris"},
    "msg_offset": {"from": "$offset", "type": "bigint"},
    "partition": {"from": "$partition", "type": "int"},
    "value": {"from": "$value", "type": "json"},
}
"""Of recipe 002's table."""
NOON = 1_700_391_600
"""2023-11-19 12:00 in Paris, seconds."""
SINK = "postgres"


def weather_feed(
    topic: str, partitions: int = 1, *, packet: Mapping[str, Any] | None = None, sink: Mapping[str, Any] | None = None
) -> NamedFeed:
    """Records `{"dt": seconds, …}` of a topic, in the table `weather`; from there in the table `copy`."""
    packet = packet or {"messages": 10_000, "after": "1s"}
    table = {"type": "postgres", "table": "weather", "packet": packet, "columns": COLUMNS} | dict(sink or {})
    copy = {"type": "postgres", "table": "copy", "from": SINK, "packet": packet, "columns": COLUMNS}
    source = {
        "type": "http", "every": "10m", "url": "https://weather.invalid", "ask": {"current": {}},
        "id": "id", "at": "dt", "send": "one",
    }  # fmt: skip
    return NamedFeed(
        "weather",
        Feed.model_validate(
            {
                "about": "A test",
                "source": source,
                "topic": {"name": topic, "partitions": partitions},
                "sinks": {SINK: table, "copy": copy},
            }
        ),
    )


def make_topic(settings: Settings, partitions: int = 1) -> str:
    """A topic that no other test has."""
    name = f"weather-{uuid.uuid4().hex[:12]}"
    admin = AdminClient({"bootstrap.servers": settings.kafka.bootstrap})
    admin.create_topics([NewTopic(name, partitions, 1)])[name].result(30)
    return name


def record(number: int, at: int = NOON) -> bytes:
    """A record."""
    return json.dumps({"dt": at + number, "n": number, "name": "Paris"}).encode()


class RecordSender:
    """A transactional producer: each call is one transaction."""

    def __init__(self, settings: Settings, topic: str) -> None:
        self._topic = topic
        self._producer = Producer({"bootstrap.servers": settings.kafka.bootstrap, "transactional.id": uuid.uuid4().hex})
        self._producer.init_transactions(30)

    def send(self, values: Sequence[bytes], partition: int = 0) -> None:
        self._producer.begin_transaction()
        for value in values:
            self._producer.produce(self._topic, value, partition=partition)
        self._producer.commit_transaction(60)


def fill(
    settings: Settings,
    feed: NamedFeed,
    sink: str = SINK,
    *,
    stop: threading.Event | None = None,
    after_step: Callable[[str], None] = lambda _: None,
) -> None:
    """Run a stage until its sink has everything, or until `stop`."""
    stage = FeedStage(settings, feed, sink, after_step=after_step)
    stage.run(stop is None, stop or threading.Event(), lambda _: None)


@contextmanager
def running(settings: Settings, feed: NamedFeed, sink: str = SINK, **how: Any) -> Iterator[list[BaseException]]:
    """A stage that runs in a thread meanwhile; the error that ended it, if one did."""
    stop, errors = threading.Event(), list[BaseException]()

    def run() -> None:
        try:
            fill(settings, feed, sink, stop=stop, **how)
        except BaseException as error:  # noqa: BLE001 - the test looks at it
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield errors
    finally:
        stop.set()
        thread.join(90)
        assert not thread.is_alive()


def query(settings: Settings, statement: str, *values: object) -> list[tuple[Any, ...]]:
    """Rows of a statement, by psycopg alone."""
    with psycopg.connect(**postgres_login(settings), options="-c timezone=UTC") as connection:
        return connection.execute(statement.encode(), values).fetchall()


def execute(settings: Settings, statement: str) -> None:
    """Run a statement without rows."""
    with psycopg.connect(**postgres_login(settings)) as connection:
        connection.execute(statement.encode())


def numbers(settings: Settings, table: str = "weather") -> list[int]:
    """The number of each record in a table, in order of partition and offset; a row twice is there twice."""
    statement = f"SELECT (value->>'n')::int FROM {table} ORDER BY partition, msg_offset"
    return [number for (number,) in query(settings, statement)]


def standing(settings: Settings, sink: str = SINK, partition: int = 0) -> tuple[int, int, int, int]:
    """Position, kept, rejected and left out."""
    statement = "SELECT next, kept, rejected, left_out FROM feed_positions WHERE sink = %s AND partition = %s"
    (row,) = query(settings, statement, sink, partition)
    return row[0], row[1], row[2], row[3]


def kill_at(step: str, nth: int) -> Callable[[str], None]:
    """Kills this process when that step has ended for the nth time."""
    left = [nth]

    def die(name: str) -> None:
        left[0] -= name == step
        if not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)

    return die


def main() -> None:
    """`python -m tests.support.table_feeds SETTINGS TOPIC SINK [STEP NTH]`: a stage, which kills itself at a step."""
    file, topic, sink, *fatal = sys.argv[1:]
    feed = weather_feed(topic, packet={"messages": 100, "after": "0.5s"})
    settings = stack_settings.read(Path(file))
    if fatal:
        fill(settings, feed, sink, after_step=kill_at(fatal[0], int(fatal[1])))
    else:
        fill(settings, feed, sink, stop=threading.Event())


if __name__ == "__main__":
    main()
