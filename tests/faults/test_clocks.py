"""Wall clocks jump by hours, of the servers and of our processes, each apart from the other; every invariant holds."""

import threading
from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import requests
from confluent_kafka import KafkaError, Message, Producer
from confluent_kafka.admin import AdminClient, NewTopic
from pymongo import MongoClient

from tests.support.faults import invariants
from tests.support.faults.clock import Clock
from tests.support.faults.fault_scenarios import Strike
from tests.support.faults.load import Load
from tests.support.faults.platform import PARTITIONS, Platform, Stack, on_fire, own_servers
from tests.support.faults.proof import Proof
from tests.support.faults.verdict import strike_all

HOURS = 3 * 3_600
HELD_S = 5
TOPIC = "clock"


@pytest.fixture(scope="module")
def clocks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Clock]:
    return {whose: Clock(tmp_path_factory.mktemp(f"clock-of-{whose}")) for whose in ("servers", "ours")}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, clocks: dict[str, Clock]) -> Iterator[Stack]:
    with own_servers(tmp_path_factory.mktemp("clocks"), clocks["servers"].environment) as made:
        admin = AdminClient({"bootstrap.servers": made.settings.kafka.bootstrap})
        topic = NewTopic(TOPIC, 1, 1, config={"message.timestamp.type": "LogAppendTime"})
        admin.create_topics([topic])[TOPIC].result(30)
        yield made


def of_kafka(platform: Platform) -> float:
    """The broker stamps a message with its own clock."""
    stamps: list[float] = []

    def delivered(error: KafkaError | None, message: Message) -> None:
        assert error is None, error
        stamps.append(message.timestamp()[1] / 1000)

    producer = Producer({"bootstrap.servers": platform.places.kafka})
    producer.produce(TOPIC, b"-", on_delivery=delivered)
    producer.flush(20)
    return stamps[0]


def of_namenode(platform: Platform) -> float:
    """Every answer of HTTP has a date."""
    return parsedate_to_datetime(requests.get(f"{platform.places.webhdfs}/jmx", timeout=10).headers["Date"]).timestamp()


def of_mongo(platform: Platform) -> float:
    with MongoClient[dict[str, Any]](platform.places.mongo, tz_aware=True) as client:
        return float(client.admin.command("hello")["localTime"].timestamp())


def of_archiver(partition: int) -> "Read":
    """A manifest holds when it was committed, by the archiver's clock; 0 until the partition has one."""

    def read(platform: Platform) -> float:
        return float(invariants.last_manifests(platform.places).get(partition, {}).get("committed_at", 0)) / 1000

    return read


Read = Callable[[Platform], float]
SERVERS: dict[str, Read] = {"kafka": of_kafka, "namenode": of_namenode, "mongo": of_mongo}
OURS: dict[str, Read] = {f"archiver of partition {number}": of_archiver(number) for number in range(PARTITIONS)}


def jump(clock: Clock, seconds: int, readers: dict[str, Read]) -> Strike:
    def strike(platform: Platform) -> Proof:
        asked = {name: partial(read, platform) for name, read in readers.items()}
        with clock.jumped(seconds, asked) as proof:
            threading.Event().wait(HELD_S)
        return proof

    return strike


@pytest.mark.long
@pytest.mark.timeout(900)
def test_clocks_jump_and_nothing_is_lost_or_doubled(
    stack: Stack, clocks: dict[str, Clock], boston: Path, tmp_path: Path
) -> None:
    strikes = {
        f"the clocks of {whose} jump by {sign * HOURS:+d} s": jump(clocks[whose], sign * HOURS, readers)
        for whose, readers in (("servers", SERVERS), ("ours", OURS))
        for sign in (1, -1)
    }
    with on_fire(
        stack, Load.of([boston], tmp_path, rate=30), tmp_path, variables=clocks["ours"].for_python
    ) as platform:
        strike_all(platform, strikes, strikes)
