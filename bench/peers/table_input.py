"""What the peers of `feed-postgres` share: their arguments, a consumer, and a clock that begins with a message."""

import json
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from confluent_kafka import Consumer, Message

from bench.harness.subprocess_run import arguments

WAIT_S = 60.0
_AT_ONCE = 1_000


class Task(NamedTuple):
    """What a peer does: so many messages of a topic into a database."""

    brokers: str
    topic: str
    size: int
    login: dict[str, str]
    """Parameters of libpq."""


def task() -> Task:
    """The task in the arguments: brokers, topic, size, file of the login as JSON."""
    brokers, topic, size, login = arguments()
    return Task(brokers, topic, int(size), json.loads(Path(login).read_text()))


def first_message(consumer: Consumer) -> Message:
    """Wait for the group, so that nobody's start counts."""
    message = consumer.poll(WAIT_S)
    if message is None or message.error() is not None:
        sys.exit("no message came")
    return message


def consumer_of(given: Task, **options: Any) -> Consumer:
    """A consumer of the topic from its beginning, in a group of its own."""
    consumer = Consumer(
        {
            "bootstrap.servers": given.brokers,
            "group.id": f"peer-{uuid.uuid4().hex}",
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
            "fetch.wait.max.ms": 50,
            **options,
        }
    )
    consumer.subscribe([given.topic])
    return consumer


def messages(consumer: Consumer, first: Message, count: int) -> Iterator[Message]:
    """That message and those behind it, `count` in all."""
    yield first
    left = count - 1
    while left:
        for message in consumer.consume(min(left, _AT_ONCE), WAIT_S):
            if message.error() is None:
                left -= 1
                yield message
