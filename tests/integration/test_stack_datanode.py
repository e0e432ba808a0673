"""A second DataNode, as docs/procedures.md adds one: HDFS copies blocks to it, and reads them there."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import requests

from batch_layer.storage.webhdfs import HdfsStore
from bench.harness import servers, stack_settings
from config.settings import Settings
from config.stack import launcher
from config.stack.ports import free_ports
from tests.support.faults.processes import server
from tests.support.wait import until

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with servers.start(tmp_path_factory.mktemp("datanodes"), ["namenode", "datanode"]) as settings_file:
        yield settings_file


@pytest.fixture
def second(file: Path, tmp_path: Path) -> Iterator[psutil.Process]:
    """A DataNode with a state folder and ports of its own."""
    variables = {
        "TRENDS_STACK__STATE": str(tmp_path / "state"),
        "TRENDS_STACK__DATANODE_PORTS": str(list(free_ports(3))),
    }
    command = [sys.executable, "-m", "config.stack.foreground", "datanode"]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            command, env=stack_settings.environment(file, **variables), stdout=log, stderr=log, cwd=tmp_path
        )
    try:
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(60)


def beans(settings: Settings, name: str) -> dict[str, object]:
    """Figures of the NameNode."""
    answer = requests.get(
        f"{settings.hdfs.url}/jmx", params={"qry": f"Hadoop:service=NameNode,name={name}"}, timeout=10
    )
    found: dict[str, object] = answer.json()["beans"][0]
    return found


def test_an_added_datanode_gets_blocks_and_serves_them_when_the_first_is_gone(
    file: Path, second: psutil.Process
) -> None:
    settings = stack_settings.read(file)
    store = HdfsStore(settings.hdfs)
    store.put("/kept/before", b"before" * 1000)
    until(lambda: beans(settings, "FSNamesystem")["NumLiveDataNodes"] == 2, "the second does not register", 60)
    asked = {"op": "SETREPLICATION", "replication": "2", "user.name": settings.hdfs.user}
    requests.put(f"{settings.hdfs.url}/webhdfs/v1/kept/before", params=asked, timeout=10).raise_for_status()

    def copied() -> bool:
        figures = beans(settings, "FSNamesystem")
        return figures["PendingReplicationBlocks"] == figures["UnderReplicatedBlocks"] == 0

    def replicas() -> int:
        asked = {"op": "GETFILEBLOCKLOCATIONS"}
        answer = requests.get(f"{settings.hdfs.url}/webhdfs/v1/kept/before", params=asked, timeout=10).json()
        return len(answer["BlockLocations"]["BlockLocation"][0]["hosts"])

    until(lambda: copied() and replicas() == 2, lambda: beans(settings, "FSNamesystem"), 60)
    first = server(settings, "datanode")
    launcher.down(settings, lambda *_: None, ["datanode"])
    assert not first.is_running()
    assert second.is_running()
    until(lambda: read(store) == b"before" * 1000, "no block of the second DataNode", 60)


def read(store: HdfsStore) -> bytes | None:
    """The file; None while the NameNode sends readers to the one that is gone."""
    try:
        return store.get("/kept/before")
    except Exception:  # noqa: BLE001 - whatever the reader meets there
        return None
