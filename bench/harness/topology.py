"""Topology: the platform's own one on a Storm that runs, submitted and killed, and the processes that it has there."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psutil

from bench.harness import stack_settings
from config.settings import Settings
from speed_layer.storm import submission

STOPS_S = 60.0


def find_process(settings_file: Path, component: str) -> psutil.Process | None:
    """Process that Storm started for a component of the topology which reads this settings file."""
    for process in psutil.process_iter(["cmdline"]):
        try:
            ours = component in " ".join(process.info["cmdline"] or ())
            if ours and process.environ().get("TRENDS_CONFIG") == str(settings_file):
                return process
        except (psutil.NoSuchProcess, psutil.ZombieProcess):
            continue
    return None


@contextmanager
def run_topology(
    settings: Settings, settings_file: Path, environment: Mapping[str, str] | None = None
) -> Iterator[None]:
    """Inside, the topology runs; its processes see `environment` besides the settings file."""
    with stack_settings.use(settings_file):
        variables = json.dumps(dict(environment or {}))
        submission.submit(settings, "-o", f"topology.environment={variables}")
        try:
            yield
        finally:
            submission.kill(settings)
            while process := find_process(settings_file, "UseSpout"):
                process.wait(STOPS_S)
