"""Stage reports: what each stage of a running feed does, for `trends status`, in the topic of cursors.

A stage reports as a live source does (`ingest/standings.py`), under the name `stage/<feed>/<sink>`: connected while it
works, reconnecting with the reason while a server does not answer, and how it ended. Nothing starts from a report, and
the next one comes soon: so one that does not arrive is no error.
"""

import logging
import threading
from collections.abc import Callable

from confluent_kafka import KafkaException, Producer

from config.settings import KafkaSettings
from ingest.hours import Millis
from ingest.kafka import client
from ingest.sources.status import CONNECTED, FAILED, RECONNECTING, REPORT_EVERY_S, STOPPED, State
from ingest.standings import STAGE, state_message

_log = logging.getLogger(__name__)


def stage_name(feed: str, sink: str) -> str:
    """The name under which a stage reports."""
    return f"{STAGE}{feed}/{sink}"


class StageReports:
    """The states of the stages of this process. Safe to share between threads."""

    def __init__(self, settings: KafkaSettings, feed: str, now: Callable[[], Millis]) -> None:
        self._settings = settings
        self._feed = feed
        self._now = now
        self._states: dict[str, State] = {}
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._producer: Producer | None = None
        self._thread = threading.Thread(target=self._repeat, name="stage-reports", daemon=True)

    def begin(self) -> None:
        """Report every `REPORT_EVERY_S` from now on."""
        self._thread.start()

    def works(self, sink: str) -> None:
        """The stage works, or works again."""
        self._set(sink, CONNECTED, "")

    def waits(self, sink: str, error: Exception) -> None:
        """The stage waits for a server."""
        self._set(sink, RECONNECTING, str(error))

    def ended(self, sink: str, error: Exception | None) -> None:
        """The stage has ended, by a stop or by an error."""
        self._set(sink, STOPPED if error is None else FAILED, "" if error is None else str(error))

    def close(self) -> None:
        """Send the last states, and end."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join(2 * REPORT_EVERY_S)
        self._send()

    def _set(self, sink: str, state: str, why: str) -> None:
        now = self._now()
        with self._lock:
            before = self._states.get(sink)
            since = before.since if before is not None and before.state == state else now
            self._states[sink] = State(state=state, since=since, at=now, why=why)
        if before is None or before.state != state:
            self._send()

    def _repeat(self) -> None:
        while not self._over.wait(REPORT_EVERY_S):
            now = self._now()
            with self._lock:
                for sink, each in self._states.items():
                    if each.state in {CONNECTED, RECONNECTING}:
                        self._states[sink] = State(state=each.state, since=each.since, at=now, why=each.why)
            self._send()

    def _send(self) -> None:
        with self._lock:
            messages = [state_message(stage_name(self._feed, sink), state) for sink, state in self._states.items()]
            try:
                producer = self._connect()
                for value, key in messages:
                    client.produce(producer, {"topic": self._settings.cursors, "value": value, "key": key})
                producer.flush(2)
            except KafkaException as error:
                _log.debug("no report of the stages: %s", error)

    def _connect(self) -> Producer:
        if self._producer is None:
            options = {"client.id": "trends-stage-reports", "message.timeout.ms": 5_000, "linger.ms": 0}
            self._producer = client.producer(self._settings, options)
        return self._producer
