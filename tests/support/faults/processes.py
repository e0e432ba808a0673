"""Faults of processes: kill -9, standing still (SIGSTOP, later SIGCONT), a server that is away, and a clean restart."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from bench.harness import stack_settings
from config.settings import Settings
from config.stack import launcher
from config.stack.status import states
from tests.support.faults.proof import Proof, proving
from tests.support.wait import until

GONE_S = 20


def server(settings: Settings, name: str) -> psutil.Process:
    """The process of a server or service of the local stack, once it has one that lives."""

    def look() -> psutil.Process | None:
        pid = next((state.pid or 0 for state in states(settings) if state.name == name), 0)
        try:
            return psutil.Process(pid) if pid > 0 else None
        except psutil.NoSuchProcess:  # it has died since supervisord named it
            return None

    return until(look, lambda: f"{name} has no process", 60)


def kill(process: psutil.Process, target: str) -> Proof:
    """kill -9. Proved by a process that was alive before, and gone (or unreaped) after the signal."""
    with proving("kill -9", target, "was_alive", "delivered", "gone") as proof:
        proof.saw(was_alive=_alive(process), pid=process.pid)
        process.kill()
        proof.saw(delivered=True)
        until(lambda: not _alive(process), lambda: f"{target} lives on", GONE_S)
        proof.saw(gone=True)
    return proof


@contextmanager
def freeze(process: psutil.Process, target: str, at_least_s: float = 0.0) -> Iterator[Proof]:
    """Inside, a process stands still, for no less than some seconds. It is seen so at the beginning and at the end.

    Longer than a session's timeout, it wakes up as a zombie: others have taken over what it believes to own.
    """
    with proving("SIGSTOP", target, "stopped", "still_stopped", "went_on") as proof:
        began = time.monotonic()
        process.suspend()
        try:
            until(lambda: _status(process) == psutil.STATUS_STOPPED, lambda: _status(process), 10)
            proof.saw(stopped=True, pid=process.pid)
            yield proof
            time.sleep(max(0.0, began + at_least_s - time.monotonic()))
            proof.saw(still_stopped=_status(process) == psutil.STATUS_STOPPED)
        finally:
            if _alive(process):
                process.resume()
        until(lambda: _status(process) != psutil.STATUS_STOPPED, lambda: _status(process), 10)
        proof.saw(went_on=True, seconds=round(time.monotonic() - began, 1))


@contextmanager
def away(settings: Settings, file: Path, name: str) -> Iterator[Proof]:
    """Inside, a server is gone: killed, and not started again. Proved by its death, and by no process at the end."""
    victim = server(settings, name)
    with proving("away", name, "gone", "stayed_away", "another") as proof, stack_settings.use(file):
        proof.saw(gone=bool(kill(victim, name).seen["gone"]), pid=victim.pid)
        until(lambda: server(settings, name).pid != victim.pid, "supervision starts no other", 60)
        launcher.down(settings, lambda *_: None, [name])
        began = time.monotonic()
        try:
            yield proof
            proof.saw(stayed_away=not _has_process(settings, name), seconds=round(time.monotonic() - began, 1))
        finally:
            launcher.up(settings, [name], lambda *_: None)
        proof.saw(another=server(settings, name).pid != victim.pid)


def restart(settings: Settings, file: Path, name: str) -> Proof:
    """Stop a server as `trends down` does, and start it as `trends up` does. Proved by two processes, one gone."""
    before = server(settings, name)
    with proving("restart", name, "stopped", "another") as proof, stack_settings.use(file):
        launcher.down(settings, lambda *_: None, [name])
        proof.saw(stopped=not _alive(before))
        launcher.up(settings, [name], lambda *_: None)
        proof.saw(another=server(settings, name).pid != before.pid)
    return proof


def _has_process(settings: Settings, name: str) -> bool:
    return any(state.pid for state in states(settings) if state.name == name)


def _alive(process: psutil.Process) -> bool:
    return process.is_running() and _status(process) not in (psutil.STATUS_ZOMBIE, "gone")


def _status(process: psutil.Process) -> str:
    try:
        return str(process.status())
    except psutil.NoSuchProcess:
        return "gone"
