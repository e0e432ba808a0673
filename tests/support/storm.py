"""The topology on the session's Storm: submitted for a test, its processes found and killed."""

import json
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psutil

from config.settings import Settings
from speed_layer import submission
from tests.support import servers

STARTS_S, RECOVERS_S, DRAINS_S = 90, 60, 90
ROOT = Path(__file__).parents[2]


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
def submitted(settings: Settings, settings_file: Path, environment: Mapping[str, str] | None = None) -> Iterator[None]:
    """Inside, the topology runs; `environment` is what its processes have besides the settings file."""
    with servers.reading(settings_file):
        given = json.dumps(dict(environment or {}))
        options = ("-N", settings.storm.topology, "-o", f"topology.environment={given}")
        submission._sparse(settings, ROOT, "submit", "-n", submission.TOPOLOGY, *options)
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
