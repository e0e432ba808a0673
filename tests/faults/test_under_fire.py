"""Recorded posts come in while everything dies, stands still or is cut off; then every invariant holds.

`make faults` runs each family of strikes as a whole; `make test` the first test alone.
"""

import os
import time
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path

import pytest

from tests.support.faults.fault_scenarios import (
    ALL,
    FREEZES,
    GROWTH,
    NETWORK,
    ONE_OF_EACH,
    PROCESSES,
    REPLICAS,
    SERVERS,
    mixed,
)
from tests.support.faults.load import Load
from tests.support.faults.platform import Stack, on_fire, own_servers
from tests.support.faults.replicas import three_replicas
from tests.support.faults.verdict import strike_all

FAMILIES = {"processes": PROCESSES, "servers": SERVERS, "freezes": FREEZES, "network": NETWORK}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with own_servers(tmp_path_factory.mktemp("fire")) as made:
        yield made


@pytest.mark.timeout(900)
def test_one_of_each_kind_strikes_and_nothing_is_lost_or_doubled(stack: Stack, boston: Path, tmp_path: Path) -> None:
    with on_fire(stack, Load.of([boston], tmp_path, rate=30), tmp_path) as platform:
        strike_all(platform, ONE_OF_EACH, ALL)


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("family", FAMILIES)
def test_every_strike_of_a_family_and_nothing_is_lost_or_doubled(
    stack: Stack, files: list[Path], tmp_path: Path, family: str
) -> None:
    with on_fire(stack, Load.of(files[:2], tmp_path, rate=40), tmp_path) as platform:
        strike_all(platform, FAMILIES[family], FAMILIES[family])


@pytest.mark.long
@pytest.mark.timeout(900)
def test_the_primary_of_three_is_killed_again_and_again(stack: Stack, boston: Path, tmp_path: Path) -> None:
    load = Load.of([boston], tmp_path, rate=30)
    with three_replicas(tmp_path / "replicas") as three, on_fire(stack, load, tmp_path, three) as platform:
        strike_all(platform, ["kill the primary", "kill the bolt", "kill the primary"], PROCESSES | REPLICAS)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_topics_get_more_partitions_twice_and_every_hour_equals_the_oracle(
    stack: Stack, boston: Path, tmp_path: Path
) -> None:
    with on_fire(stack, Load.of([boston], tmp_path, rate=40), tmp_path) as platform:
        strikes = ["twice the partitions", "kill the spout", "twice the partitions", "an archiver becomes a zombie"]
        strike_all(platform, strikes, PROCESSES | GROWTH)
        assert [proof.seen["has"] for proof in platform.proofs if "has" in proof.seen] == [6, 12]


@pytest.mark.soak
def test_soak(stack: Stack, files: list[Path], tmp_path: Path) -> None:
    """A random mix for `SOAK_MINUTES`. The same `SOAK_SEED` strikes with the same, in the same order."""
    seed, minutes = int(os.environ["SOAK_SEED"]), float(os.environ["SOAK_MINUTES"])
    print(f"\nseed {seed}, {minutes:g} minutes: `make soak SEED={seed} MINUTES={minutes:g}` does it again")
    over = time.monotonic() + minutes * 60
    rate = max(1, int(9_000 / (minutes * 60 + 300)))  # so some posts are left when the last fault strikes
    with on_fire(stack, Load.of(files[:2], tmp_path, rate), tmp_path) as platform:
        strikes = mixed(seed, sorted(ALL))
        strike_all(platform, takewhile(lambda _: time.monotonic() < over, strikes), ALL)
