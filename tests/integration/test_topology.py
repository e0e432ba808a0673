"""The topology on real Storm: uses through Kafka, counted in MongoDB as an oracle does, though processes are killed."""

import csv
import threading
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer

from bench.harness.topology import run_topology
from config.settings import Settings
from ingest.rule.hashtags import in_text, normalise
from ingest.wire import Use, encode
from serving.views.client import Store
from serving.views.documents import USES
from speed_layer.lag import caught_up, speed_lag
from tests.support.storm import DRAINS_S, RECOVERS_S, STARTS_S, kill_component
from tests.support.wait import until


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


@pytest.mark.timeout(420)
def test_killed_spouts_and_bolts_leave_every_use_counted_once(
    settings: Settings, settings_file: Path, test_data: Path
) -> None:
    (boston,) = (test_data / "crisislex_t6").glob("*oston*.csv")
    uses = uses_of(boston)
    batches = [uses[begin : begin + 100] for begin in range(0, len(uses), 100)]
    oracle = Counter((use.hour, use.tag) for use in uses)
    with run_topology(settings, settings_file):
        loading = threading.Thread(target=produce, args=(settings, uses, 30 / len(batches), 100))
        loading.start()
        until(lambda: counted(settings).total() > 500, "the first uses are counted", STARTS_S)
        before = counted(settings).total()
        assert before < oracle.total()
        kill_component(settings_file, "UseSpout")
        until(lambda: counted(settings).total() > before, "counting goes on", RECOVERS_S)
        assert loading.is_alive()
        kill_component(settings_file, "CountBolt")
        loading.join(DRAINS_S)
        until(lambda: caught_up(settings), "everything is counted", DRAINS_S)
        assert counted(settings) == oracle
        until(lambda: len(parked(settings)) == len(batches), "what can't be read is parked", RECOVERS_S)
        assert all(lag.drained and lag.behind == 0 for lag in speed_lag(settings))

    produce(settings, uses[:1000])  # while no topology runs
    assert not caught_up(settings)
    with run_topology(settings, settings_file):
        until(lambda: caught_up(settings), "the topology goes on where it ended", STARTS_S)
        assert counted(settings) == oracle + Counter((use.hour, use.tag) for use in uses[:1000])
