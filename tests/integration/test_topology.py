"""The topology on real Storm: uses through Kafka, counted in MongoDB as an oracle does, though processes are killed."""

import threading
from collections import Counter
from pathlib import Path

import pytest
from confluent_kafka import Consumer

from bench.harness.topology import run_topology
from config.settings import Settings
from speed_layer.lag import caught_up, speed_lag
from tests.support.storm import DRAINS_S, RECOVERS_S, STARTS_S, kill_component
from tests.support.uses import counted, produce, uses_of
from tests.support.wait import until


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
