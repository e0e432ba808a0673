"""Streaming: the one Spark session that all streaming queries of this process share, with Spark's Kafka source."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pyspark.sql import SparkSession

from batch_layer.spark.session import Engine
from config.settings import Settings
from config.stack.jars.kafka_source import fetch_source
from config.stack.paths import StackPaths

POLL_MS = 200
"""How often a query without new messages asks Kafka for some, milliseconds."""

_log = logging.getLogger(__name__)
_lock = threading.Lock()
_sessions: list["StreamingSession"] = []
"""That of this process, where one is open: a process has one `SparkContext` at most."""


class StreamingSession:
    """A Spark session for several threads."""

    def __init__(self, settings: Settings) -> None:
        """Downloads the jars of the Kafka source where the cache does not have them. Raises what `fetch` raises."""
        jars = [Path(jar).as_uri() for jar in fetch_source(StackPaths.of(settings.stack), _log.info)]
        more = {"spark.jars": ",".join(jar.replace(",", "%2C") for jar in jars)}
        more |= {"spark.sql.streaming.pollingDelay": f"{POLL_MS}ms"}
        self._engine = Engine(settings.spark, settings.hdfs, settings.stack.state, more)
        self._lock = threading.Lock()
        self.users = 0

    @property
    def log_path(self) -> Path:
        """Path of Spark's log."""
        return self._engine.log_path

    def spark(self) -> SparkSession:
        """The session: see `Engine.session`."""
        with self._lock:
            return self._engine.session()

    def close(self) -> None:
        """End the session and its JVM."""
        self._engine.close()


@contextmanager
def streaming_session(settings: Settings) -> Iterator[StreamingSession]:
    """The session of this process. It starts at its first use, and ends with the last user.

    Raises `UnavailableError` where the jars are not in the cache and the registry does not answer.
    """
    with _lock:
        if not _sessions:
            _sessions.append(StreamingSession(settings))
        session = _sessions[0]
        session.users += 1
    try:
        yield session
    finally:
        with _lock:
            session.users -= 1
            if not session.users:
                _sessions.clear()
                session.close()
