"""Counting: starts and stops contenders of the speed path, and watches their counts from outside.

All of them leave rows `{_id: "<hour>|<tag>", hour, tag, count}` in `uses`, so one clock serves all: it begins when the
first counts become readable, so that nobody's start counts, and ends when all are.
"""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import NamedTuple

import psutil

from bench.harness.servers import Sandbox
from bench.harness.subprocess_run import ROOT
from bench.harness.topology import find_process, run_topology
from bench.harness.trial import AbsentError
from config.errors import UnavailableError
from config.settings import Settings
from serving.views.documents import USES
from serving.views.store import Store

STARTS_S, COUNTS_S, STOPS_S = 120.0, 3_600.0, 20.0
LOOK_S = 0.1
TOPOLOGIES = ROOT / "bench" / "streamparse.json"

Pids = Callable[[], list[int]]
Running = Callable[[Sandbox], AbstractContextManager[Pids]]
"""Starts a contender; inside, its `Pids` tells the ids of its processes."""


class Watched(NamedTuple):
    """When the counts were readable, and how many there were."""

    first_s: float
    """From the start until the first counts were readable."""
    seconds: float
    """From then on until all were."""
    amount: int
    """The uses counted in that time."""


class Watch:
    """Looks at the sum of all counts in a trial's database."""

    def __init__(self, settings: Settings) -> None:
        self._store = Store(settings.mongo)
        self._began = time.perf_counter()

    def close(self) -> None:
        """Give the connections back."""
        self._store.close()

    def first(self, look: Callable[[], object]) -> tuple[int, float]:
        """Wait for the first counts: how many there are, and when that was. `look` raises where a contender ended."""
        while not (there := self.total()):
            look()
            self._wait(STARTS_S, "nothing was counted")
        return there, time.perf_counter()

    def all_of(self, wanted: int, first: tuple[int, float]) -> Watched:
        """Wait until the total reaches `wanted`."""
        while self.total() < wanted:
            self._wait(COUNTS_S, "not everything was counted")
        there, at = first
        return Watched(at - self._began, time.perf_counter() - at, wanted - there)

    def total(self) -> int:
        """The sum of all counts."""
        found = list(self._store.collection(USES).aggregate([{"$group": {"_id": None, "total": {"$sum": "$count"}}}]))
        return int(found[0]["total"]) if found else 0

    def counts(self) -> Counter[tuple[str, str]]:
        """The counts by hour and tag."""
        return Counter({(each["hour"], each["tag"]): each["count"] for each in self._store.collection(USES).find()})

    def _wait(self, within_s: float, what: str) -> None:
        if time.perf_counter() - self._began > within_s:
            raise UnavailableError(f"{what} within {within_s:.0f} s", where="speed path")
        time.sleep(LOOK_S)


@contextmanager
def our_topology(here: Sandbox) -> Iterator[Pids]:
    """The project's topology."""
    with run_topology(here.settings, here.file):
        yield lambda: _worker_of(here.file, "UseSpout")


@contextmanager
def textbook_topology(here: Sandbox, write_concern: str) -> Iterator[Pids]:
    """The textbook's, on the same Storm."""
    name = here.settings.storm.topology
    option = f"bench.write.concern={write_concern}"
    _sparse(here, "submit", "--config", str(TOPOLOGIES), "-n", "textbook", "-N", name, "-o", option)
    try:
        yield lambda: _worker_of(here.file, "MessageSpout")
    finally:
        _sparse(here, "kill", "-n", name, "--wait", "1")


@contextmanager
def peer_process(here: Sandbox, python: Path, module: str, *more: str) -> Iterator[Pids]:
    """A consumer of `bench.peers`."""
    if not python.exists():
        raise AbsentError("its environment is missing: `make bench` makes it")
    settings = here.settings
    told = [settings.kafka.bootstrap, settings.kafka.hashtags, settings.mongo.uri.get_secret_value()]
    command = [str(python), "-m", f"bench.peers.{module}", *told, settings.mongo.database, *more]
    with (here.file.parent / "peer.log").open("w+b") as log:
        process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, start_new_session=True)
        try:
            yield lambda: _alive(process, here.file.parent / "peer.log")
        finally:
            _end(process)


def _alive(process: "subprocess.Popen[bytes]", log: Path) -> list[int]:
    if process.poll() is not None:
        lines = log.read_text(errors="replace").strip().splitlines() or ["it said nothing"]
        raise AbsentError(" | ".join(lines[-2:])[:400])
    return [process.pid]


def _end(process: "subprocess.Popen[bytes]") -> None:
    for sign in (signal.SIGTERM, signal.SIGKILL):
        if _group(process.pid):
            os.killpg(process.pid, sign)
        try:
            process.wait(STOPS_S)
        except subprocess.TimeoutExpired:
            continue
    process.wait()


def _group(leader: int) -> list[int]:
    """The processes of the group that a process of ours began."""
    return [pid for pid in psutil.pids() if _group_of(pid) == leader]


def _group_of(pid: int) -> int | None:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return None


def _worker_of(settings_file: Path, spout: str) -> list[int]:
    """Storm's worker, whose children spout and bolts are."""
    process = find_process(settings_file, spout)
    parent = process.parent() if process else None
    return [] if parent is None else [parent.pid]


def _sparse(here: Sandbox, *arguments: str) -> None:
    command: Sequence[str] = [str(Path(sys.executable).with_name("sparse")), *arguments]
    environment = os.environ | {
        "STREAMPARSE_NIMBUS": here.settings.storm.nimbus,
        "TRENDS_CONFIG": str(here.file),
        "LEIN_ROOT": "1",
        "PYTHONWARNINGS": "ignore",
    }
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode:
        raise UnavailableError(" | ".join((done.stdout + done.stderr).splitlines()[-3:]), where="sparse")
