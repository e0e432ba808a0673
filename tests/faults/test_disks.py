"""The disk of a server is full for a while: it refuses, or dies and can't start; later every invariant holds."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from config.stack.paths import StackPaths
from tests.support.faults.disk import SmallDisk, small_disk
from tests.support.faults.fault_scenarios import Strike, serves
from tests.support.faults.load import Load
from tests.support.faults.platform import Platform, Stack, on_fire, own_servers
from tests.support.faults.proof import Proof
from tests.support.faults.verdict import strike_all

DISKS = {"datanode": ("hdfs/blocks", 1536), "kafka": ("kafka", 160), "mongo": ("mongo", 512)}
"""Where a server keeps its data, and the megabytes of the disk there. HDFS wants 128 for each block that is open."""
SAID = ("No space left on device", "Failed to place enough replicas")
HELD_S = {"datanode": 10, "kafka": 10, "mongo": 60}
"""A server that dies of it and can't start is tried again and again: for a minute that must not be given up."""


@pytest.fixture(scope="module")
def disks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, SmallDisk]]]:
    folder = tmp_path_factory.mktemp("disks")
    with ExitStack() as mounted:
        data = folder / "state" / "data"
        yield folder, {name: mounted.enter_context(small_disk(data / at, mb)) for name, (at, mb) in DISKS.items()}


@pytest.fixture(scope="module")
def stack(disks: tuple[Path, dict[str, SmallDisk]]) -> Iterator[Stack]:
    with own_servers(disks[0]) as made:
        yield made


def fill(name: str, disk: SmallDisk) -> Strike:
    def strike(platform: Platform) -> Proof:
        log = StackPaths.of(platform.stack.settings.stack).log("namenode" if name == "datanode" else name)
        before = log.stat().st_size

        def met() -> bool:
            with log.open("rb") as file:
                file.seek(before)
                told = file.read().decode(errors="replace")
            return any(each in told for each in SAID)

        with disk.full(name, met) as proof:
            threading.Event().wait(HELD_S[name])
        serves(platform, name)
        return proof

    return strike


@pytest.mark.long
@pytest.mark.timeout(900)
def test_disks_fill_up_and_nothing_is_lost_or_doubled(
    stack: Stack, disks: tuple[Path, dict[str, SmallDisk]], boston: Path, tmp_path: Path
) -> None:
    strikes = {f"the disk of {name} is full": fill(name, disk) for name, disk in disks[1].items()}
    with on_fire(stack, Load.of([boston], tmp_path, rate=20), tmp_path) as platform:
        strike_all(platform, strikes, strikes)
