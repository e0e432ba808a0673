"""Processes of the topology, killed while it runs."""

import os
import signal
from pathlib import Path

import psutil

from bench.harness.topology import find_process
from tests.support.wait import until

STARTS_S, RECOVERS_S, DRAINS_S = 90, 60, 90


def kill_component(settings_file: Path, component: str) -> None:
    """kill -9 of a component's process; returns when another one counts in its place."""
    process = find_process(settings_file, component)
    assert process is not None
    os.kill(process.pid, signal.SIGKILL)
    process.wait(10)
    assert not psutil.pid_exists(process.pid)
    until(lambda: find_process(settings_file, component) is not None, lambda: f"no {component}", RECOVERS_S)
