"""Who reaches the local stack: nobody from another machine. Asked from a network namespace of the test's own."""

import json
import os
import random
import shutil
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from batch_layer.spark.session import Engine
from bench.harness.topology import find_process, run_topology
from config.settings import Settings
from config.stack import launcher
from config.stack.paths import StackPaths
from config.stack.supervision import Supervision
from tests.support.storm import STARTS_S
from tests.support.wait import until

ASK = """
import json, socket, sys
host, ports = json.loads(sys.argv[1])
reached = []
for port in ports:
    try:
        socket.create_connection((host, port), timeout=1).close()
        reached.append(port)
    except OSError:
        pass
print(json.dumps(reached))
"""


class Neighbour:
    """Another machine on the same network, as far as this one can tell."""

    def __init__(self, name: str, host: str) -> None:
        self._name = name
        self.host = host
        """This machine's address on that network."""

    def reaches(self, ports: Iterable[int]) -> set[int]:
        question = json.dumps([self.host, sorted(ports)])
        command = ["ip", "netns", "exec", self._name, sys.executable, "-c", ASK, question]
        return set(json.loads(subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout))


@contextmanager
def neighbour() -> Iterator[Neighbour]:
    """A network namespace and a cable to it. Skips the test where that is not possible, saying why."""
    if sys.platform != "linux" or os.geteuid() != 0 or not shutil.which("ip"):
        pytest.skip("a network namespace needs Linux, root and iproute2")
    mark = uuid.uuid4().hex[:8]
    net = f"198.18.{random.randrange(256)}."
    there, here, inside = f"trends-{mark}", f"th{mark}", f"tn{mark}"
    steps = [
        f"ip link add {here} type veth peer name {inside}",
        f"ip link set {inside} netns {there}",
        f"ip addr add {net}1/30 dev {here}",
        f"ip link set {here} up",
        f"ip -n {there} addr add {net}2/30 dev {inside}",
        f"ip -n {there} link set {inside} up",
    ]
    made = subprocess.run(["ip", "netns", "add", there], capture_output=True, text=True, check=False)
    if made.returncode:
        pytest.skip(f"a network namespace can't be made here: {made.stderr.strip()}")
    try:
        for step in steps:
            subprocess.run(step.split(), check=True)
        yield Neighbour(there, f"{net}1")
    finally:
        subprocess.run(["ip", "netns", "del", there], check=True)  # and the cable with it


def listening(processes: Iterable[psutil.Process]) -> dict[int, str]:
    """Port and address of everything that these processes and their children listen on."""
    found = {}
    for process in processes:
        with suppress(psutil.NoSuchProcess):  # one that ended meanwhile listens on nothing
            for each in [process, *process.children(recursive=True)]:
                for connection in each.net_connections("tcp"):
                    if connection.status == psutil.CONN_LISTEN:
                        found[connection.laddr.port] = connection.laddr.ip
    return found


def test_no_port_of_the_stack_can_be_reached_from_another_machine(
    stack: Settings, settings: Settings, settings_file: Path, tmp_path: Path
) -> None:
    """Servers, a worker of Storm and Spark's Java: the ports that settings name, and all others that they listen on."""
    spark = Engine(stack.spark, stack.hdfs, tmp_path)
    with neighbour() as machine, socket.create_server(("", 0)) as open_to_all, run_topology(settings, settings_file):
        until(lambda: find_process(settings_file, "CountBolt") is not None, "the topology starts", STARTS_S)
        try:
            spark.session()
            found = listening([*Supervision(StackPaths.of(stack.stack)).strays(), psutil.Process()])
        finally:
            spark.close()
        control = found.pop(open_to_all.getsockname()[1])
        assert control == "0.0.0.0"
        named = {port.number for server in launcher.servers(stack) for port in server.ports()}
        workers = set(stack.stack.storm_worker_ports) & found.keys()
        assert workers, "no worker listens"
        assert named - set(stack.stack.storm_worker_ports) <= found.keys()
        asked = named | found.keys() | {open_to_all.getsockname()[1]}
        assert machine.reaches(asked) == {open_to_all.getsockname()[1]}
    assert {ip for ip in found.values() if ip not in ("127.0.0.1", "::1", "::ffff:127.0.0.1")} == set()
