"""Delays: when a reader of committed messages sees each message of `posts`."""

import threading
import time
import uuid
from collections.abc import Mapping
from typing import Self

from confluent_kafka import Consumer, TopicPartition

from config.errors import UnavailableError
from config.settings import KafkaSettings

LONGEST_S = 60.0


class Delays:
    """A reader in a thread, from entering to leaving. The key identifies a message."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._consumer = Consumer(
            {
                "bootstrap.servers": settings.bootstrap,
                "group.id": f"bench-{uuid.uuid4().hex}",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "fetch.wait.max.ms": 10,
            }
        )
        self._topic = settings.posts
        self._seen: dict[str, float] = {}
        self._made: Mapping[str, float] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._read)

    def __enter__(self) -> Self:
        partitions = self._consumer.list_topics(self._topic, timeout=LONGEST_S).topics[self._topic].partitions
        self._consumer.assign([TopicPartition(self._topic, number, 0) for number in partitions])
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._consumer.close()

    def await_all(self, made: Mapping[str, float]) -> None:
        """Wait until the reader has seen all of `made`. Raises `UnavailableError` where they do not come."""
        self._made = made
        deadline = time.perf_counter() + LONGEST_S
        while len(self._seen) < len(made):
            if time.perf_counter() > deadline:
                raise UnavailableError(f"{len(made) - len(self._seen)} messages did not come", where=self._topic)
            time.sleep(0.05)

    def milliseconds(self) -> list[float]:
        """From creation to arrival at the reader, ascending."""
        return sorted((self._seen[name] - made) * 1000 for name, made in self._made.items())

    def _read(self) -> None:
        while not self._stop.is_set():
            for message in self._consumer.consume(500, 0.002):
                if message.error() is None:
                    self._seen.setdefault(message.key().decode(), time.perf_counter())
