"""Probes: single uses of tags of their own among a live stream, each looked for in MongoDB until its count appears."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence

from confluent_kafka import Producer

from bench.harness import kafka
from config.errors import UnavailableError
from config.settings import Settings
from ingest.wire import Use, encode
from serving.views.documents import USES, use_id
from serving.views.store import Store

PROBES_A_SECOND = 20
TICK_S = 0.01
STARTS_S, LONGEST_S = 120.0, 60.0


class Probes:
    """Sends uses at a rate, with probes among them, and tells how long each probe took from produce to readable."""

    def __init__(self, settings: Settings, hour: str) -> None:
        self._kafka, self._mongo, self._hour = settings.kafka, settings.mongo, hour
        self._producer = Producer(kafka.producer_config(settings.kafka))
        self.sent: Counter[tuple[str, str]] = Counter()
        self._waiting: dict[str, float] = {}
        self._seen: list[float] = []
        self._done = threading.Event()

    def warm(self, look: Callable[[], object]) -> None:
        """Send single uses until a count appears: then the contender has started. `look` raises where it has ended."""
        deadline = time.monotonic() + STARTS_S
        with Store(self._mongo) as store:
            while store.collection(USES).find_one() is None:
                if time.monotonic() > deadline:
                    raise UnavailableError(f"nothing was counted within {STARTS_S:.0f} s", where="speed path")
                look()
                self._send(Use("warm", self._hour, "0", "bench", "warm"))
                self._producer.flush()
                time.sleep(0.2)

    def send(self, uses: Sequence[Use], rate: int) -> None:
        """Send all of them, so many a second, and wait until every probe is readable."""
        watching = threading.Thread(target=self._watch)
        watching.start()
        began = time.perf_counter()
        probed = 0
        for place, use in enumerate(uses):
            while time.perf_counter() < began + place / rate:
                time.sleep(TICK_S)
                self._producer.poll(0)
            self._send(use)
            if place * PROBES_A_SECOND // rate >= probed:
                tag = f"probe{probed}"
                self._waiting[use_id(self._hour, tag)] = time.perf_counter()
                self._send(Use(tag, self._hour, str(probed), "bench", tag))
                probed += 1
        self._producer.flush()
        self._done.set()
        watching.join()

    def milliseconds(self) -> list[float]:
        """From produce to readable, ascending. Raises `UnavailableError` where a probe never became readable."""
        if self._waiting:
            raise UnavailableError(f"{len(self._waiting)} probes were never counted", where="speed path")
        return sorted(self._seen)

    def _send(self, use: Use) -> None:
        kafka.produce(self._producer, self._kafka.hashtags, encode(use), use.tag.encode())
        self.sent[use.hour, use.tag] += 1

    def _watch(self) -> None:
        ends = float("inf")
        with Store(self._mongo) as store:
            uses = store.collection(USES)
            while (self._waiting or not self._done.is_set()) and time.perf_counter() < ends:
                if self._done.is_set() and ends == float("inf"):
                    ends = time.perf_counter() + LONGEST_S
                for row in uses.find({"_id": {"$in": list(self._waiting)}}, {"_id": True}):
                    self._seen.append((time.perf_counter() - self._waiting.pop(row["_id"])) * 1000)
                time.sleep(0.002)
