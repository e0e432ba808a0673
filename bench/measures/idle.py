"""Looks at an archive: a status, a scrape, an idle tick of the scheduler, beside the same on a short history."""

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from batch_layer.scheduling.schedule import Schedule
from bench.harness.compare import WrongError
from bench.harness.servers import sandbox, stack
from bench.harness.stack_settings import read
from bench.harness.subprocess_run import Ran, clocked, in_subprocess
from bench.harness.trial import Bench, Contender, RunOptions, Trial
from bench.inputs.long_history import lay_history
from ingest.rule.hashtags import AS_IS
from serving.status.collect import collect_status
from serving.status.metrics import render_metrics

SHORT = 100
"""Hours of the short history."""
RUNS = 5
"""Of one trial; the quickest counts, as disturbances can only add."""


@contextmanager
def _histories(look: Callable[[Path], Ran], options: RunOptions) -> Iterator[list[Contender]]:
    with (
        stack(options.state, ("kafka", "namenode", "datanode", "mongo")) as file,
        sandbox(file, options.state) as long,
        sandbox(file, options.state) as short,
    ):
        lay_history(long.settings, options.size)
        lay_history(short.settings, SHORT)
        yield [
            Contender(f"{options.size:,} hours", "", partial(_trial, look, long.file)),
            Contender(f"{SHORT} hours", "", partial(_trial, look, short.file)),
        ]


def _trial(look: Callable[[Path], Ran], file: Path) -> Trial:
    quickest = min((look(file) for _ in range(RUNS)), key=lambda ran: ran.seconds)
    return Trial(quickest.seconds, 1, figures={"CPU ms": quickest.cpu_s * 1000, "peak MB": quickest.peak_mb})


def _status(file: Path) -> Ran:
    """The command as users type it, from the start of its process to its end. It exits with 1: no layer runs here."""
    command = [str(Path(sys.executable).with_name("trends")), "status", "--json"]
    ran: Ran = in_subprocess(_run, command, dict(os.environ) | {"TRENDS_CONFIG": str(file)}).result
    return ran


def _run(command: list[str], environment: dict[str, str]) -> Ran:
    ran = clocked(partial(subprocess.run, command, env=environment, capture_output=True, timeout=60))
    status = json.loads(ran.result.stdout)
    if status["archive"]["hours"] != status["hours"]["final"]:
        raise WrongError("the status does not tell the history that was laid", where=str(status["hours"]))
    return ran._replace(result=None, peak_mb=resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)


def _scrape(file: Path) -> Ran:
    """The dashboard's work for `/metrics`, once it runs."""
    ran: Ran = in_subprocess(_scrape_twice, file).result
    return ran


def _scrape_twice(file: Path) -> Ran:
    settings = read(file)
    render_metrics(collect_status(settings), "")
    return clocked(lambda: len(render_metrics(collect_status(settings), "")[0]))


def _tick(file: Path) -> Ran:
    """The third of a scheduler: the first ones find out that there is nothing to do."""
    ran: Ran = in_subprocess(_third_tick, file).result
    return ran


def _third_tick(file: Path) -> Ran:
    schedule = Schedule(read(file), lambda: AS_IS, lambda: time.time_ns() // 1_000_000)
    try:
        for _ in range(2):
            schedule._tick()  # noqa: SLF001 - `tick` would log an error and go on, so a failure would look quick
        return clocked(schedule._tick)  # noqa: SLF001
    finally:
        schedule.batch.close()


BENCHES = (
    Bench("idle-status", "`trends status`, the whole process.", "s", (100_000,), partial(_histories, _status)),
    Bench("idle-scrape", "A scrape of `/metrics`.", "s", (100_000,), partial(_histories, _scrape)),
    Bench(
        "idle-tick", "A tick of the scheduler that finds nothing to do.", "s", (100_000,), partial(_histories, _tick)
    ),
)
