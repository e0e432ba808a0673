"""Subprocess runs: measured work in a process of its own. Nothing done before it counts, and its memory is its own."""

import json
import multiprocessing
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from bench.harness.trial import AbsentError
from config.errors import TrendsError

ROOT = Path(__file__).parents[2]
PEER_S = 3_600
"""Longest run of a peer."""


class Ran(NamedTuple):
    """The result of a task, and the time and memory it took. Its imports do not count."""

    result: Any
    seconds: float
    cpu_s: float
    """User and system, its ended children included."""
    peak_mb: float
    """Of the process alone."""


def in_subprocess(task: Callable[..., Any], *args: Any) -> Ran:
    """Call a function of a module, in a new process. Raises `TrendsError` for any error of the function."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_run_task, task, *args).result()


def _run_task(task: Callable[..., Any], *args: Any) -> Ran:
    """An error that can't travel between processes travels as text."""
    try:
        return clocked(task, *args)
    except TrendsError:
        raise
    except Exception as error:  # noqa: BLE001 - the parent reports every error
        raise TrendsError(f"{type(error).__name__}: {str(error)[:600]}", where=task.__name__) from None


def clocked(task: Callable[..., Any], *args: Any) -> Ran:
    """Call a function here, and take the time."""
    began, cpu = time.perf_counter(), _cpu_s()
    result = task(*args)
    return Ran(result, time.perf_counter() - began, _cpu_s() - cpu, _peak_mb())


def peer(python: Path, name: str, *args: str) -> Ran:
    """Run `bench.peers.<name>` with another Python. It writes one line of JSON: the fields of `Ran`.

    Raises `AbsentError` where that Python is not there or lacks a package that the peer imports.
    """
    if not python.exists():
        raise AbsentError("its environment is missing: `make bench` makes it")
    command = [str(python), "-m", f"bench.peers.{name}", *args]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PEER_S, check=False)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        if "ModuleNotFoundError" in lines[-1]:
            raise AbsentError(lines[-1])
        raise TrendsError(" | ".join(lines[-3:])[:600], where=name)
    told = json.loads(done.stdout.strip().splitlines()[-1])
    return Ran(told["result"], told["seconds"], told["cpu_s"], told["peak_mb"])


def say(ran: Ran) -> None:
    """Write the last line of a peer, which `peer` reads."""
    sys.stdout.write(json.dumps(ran._asdict()) + "\n")


def arguments() -> Sequence[str]:
    """The arguments of a peer."""
    return sys.argv[1:]


def _cpu_s() -> float:
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + ended.ru_utime + ended.ru_stime


def _peak_mb() -> float:
    """Not `ru_maxrss`, in which the process that forked this one counts too."""
    told = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":" in line)
    return int(told["VmHWM"].split()[0]) / 1024
