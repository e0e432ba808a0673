"""The topology on real Storm: uses through Kafka, counted in MongoDB as an oracle does, though processes are killed."""

import csv
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest
from confluent_kafka import Consumer, Producer

from config.settings import Settings
from ingest.hashtags import in_text, normalise
from ingest.wire import Use, encode
from serving.store import Store
from serving.views import USES
from speed_layer import submission
from speed_layer.lag import caught_up, speed_lag
from tests import servers

STARTS_S, RECOVERS_S, DRAINS_S = 90, 60, 90
ROOT = Path(__file__).parent.parent.parent


def uses_of(file: Path) -> list[Use]:
    """The uses of a CrisisLex file, hours from the ids."""
    found = []
    with file.open(encoding="utf-8", newline="") as lines:
        rows = csv.reader(lines)
        next(rows)
        for row in rows:
            number = row[0].strip().strip("'")
            written = ((int(number) >> 22) + 1288834974657) / 1000
            hour = datetime.fromtimestamp(written, UTC).strftime("%Y-%m-%dT%H")
            shown = {normalise(spelling): spelling for spelling in reversed(in_text(row[1]))}
            found += [Use(tag, hour, number, "x", spelling) for tag, spelling in shown.items()]
    return found


def produce(settings: Settings, uses: list[Use], every_s: float = 0.0, size: int = 500) -> None:
    """Write uses in transactions, paced; with them, in each, one message that nobody can read."""
    name = settings.kafka.hashtags
    producer = Producer({"bootstrap.servers": settings.kafka.bootstrap, "transactional.id": f"test-{name}"})
    producer.init_transactions(30)
    for begin in range(0, len(uses), size):
        producer.begin_transaction()
        for use in uses[begin : begin + size]:
            producer.produce(name, encode(use), key=use.tag)
        producer.produce(name, b"\xff not a use", key=str(begin))
        producer.commit_transaction(30)
        time.sleep(every_s)


def counted(settings: Settings) -> Counter[tuple[str, str]]:
    with Store(settings.mongo) as store:
        return Counter({(use["hour"], use["tag"]): use["count"] for use in store.collection(USES).find()})


def parked(settings: Settings) -> set[str]:
    """The places of what is in `rejects`."""
    consumer = Consumer(
        {
            "bootstrap.servers": settings.kafka.bootstrap,
            "group.id": "test",
            "auto.offset.reset": "earliest",
            "enable.partition.eof": True,
        }
    )
    consumer.subscribe([settings.kafka.rejects])
    places = set()
    try:
        while (message := consumer.poll(30)) is not None and message.error() is None:
            places.add(dict(message.headers())["where"].decode())
    finally:
        consumer.close()
    return places


def process_of(settings_file: Path, component: str) -> psutil.Process | None:
    """The process that Storm started for a component of the topology which reads this settings file."""
    for process in psutil.process_iter(["cmdline"]):
        try:
            ours = component in " ".join(process.info["cmdline"] or ())
            if ours and process.environ().get("TRENDS_CONFIG") == str(settings_file):
                return process
        except (psutil.NoSuchProcess, psutil.ZombieProcess):
            continue
    return None


def eventually(holds: Callable[[], bool], within_s: float, what: str) -> None:
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, f"{what}: not within {within_s} s"
        time.sleep(0.2)


@contextmanager
def submitted(settings: Settings, settings_file: Path) -> Iterator[None]:
    with servers.reading(settings_file):
        submission.submit(settings, ROOT)
        try:
            yield
        finally:
            submission.kill(settings, ROOT)
            eventually(lambda: process_of(settings_file, "UseSpout") is None, RECOVERS_S, "the topology ends")


def killed(settings_file: Path, component: str) -> None:
    """kill -9 of a component's process; returns when another one counts in its place."""
    process = process_of(settings_file, component)
    assert process is not None
    os.kill(process.pid, signal.SIGKILL)
    process.wait(10)
    assert not psutil.pid_exists(process.pid)
    eventually(lambda: process_of(settings_file, component) is not None, RECOVERS_S, f"{component} is started again")


@pytest.mark.timeout(420)
def test_killed_spouts_and_bolts_leave_every_use_counted_once(
    settings: Settings, settings_file: Path, test_data: Path
) -> None:
    (boston,) = (test_data / "crisislex_t6").glob("*oston*.csv")
    uses = uses_of(boston)
    batches = [uses[begin : begin + 100] for begin in range(0, len(uses), 100)]
    oracle = Counter((use.hour, use.tag) for use in uses)
    with submitted(settings, settings_file):
        loading = threading.Thread(target=produce, args=(settings, uses, 30 / len(batches), 100))
        loading.start()
        eventually(lambda: counted(settings).total() > 500, STARTS_S, "the first uses are counted")
        before = counted(settings).total()
        assert before < oracle.total()
        killed(settings_file, "UseSpout")
        eventually(lambda: counted(settings).total() > before, RECOVERS_S, "counting goes on")
        assert loading.is_alive()
        killed(settings_file, "CountBolt")
        loading.join(DRAINS_S)
        eventually(lambda: caught_up(settings), DRAINS_S, "everything is counted")
        assert counted(settings) == oracle
        eventually(lambda: len(parked(settings)) == len(batches), RECOVERS_S, "what can't be read is parked")
        assert all(lag.drained and lag.behind == 0 for lag in speed_lag(settings))

    produce(settings, uses[:1000])  # while no topology runs
    assert not caught_up(settings)
    with submitted(settings, settings_file):
        eventually(lambda: caught_up(settings), STARTS_S, "the topology goes on where it ended")
        assert counted(settings) == oracle + Counter((use.hour, use.tag) for use in uses[:1000])
