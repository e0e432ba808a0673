"""Launcher: brings the servers of this machine up side by side, waits until each one serves, and takes them down.

A second `up` leaves alone what serves. Data stays across `down`. Next: server.py for the contract, supervise.py for
what keeps the processes alive.
"""

import fcntl
import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import tenacity

from config.errors import TrendsError, UsageError
from config.settings import Settings
from config.stack import java
from config.stack.hdfs import DataNode, NameNode
from config.stack.jars import fetch
from config.stack.kafka import Kafka
from config.stack.mongo import Mongo
from config.stack.place import Place
from config.stack.ports import clashes, refuse_twice
from config.stack.server import Server
from config.stack.services import COMMANDS, Service
from config.stack.storm import Nimbus, Supervisor, ZooKeeper
from config.stack.supervise import Supervision

logger = logging.getLogger(__name__)

READY_TIMEOUT_S = 180.0
STOP_AFTER_S = 20
LOG_LINES = 8

Tell = Callable[[str, str], None]
"""Called with a server's name and what it is at; the last word is `ready` or an error."""


def servers(settings: Settings) -> list[Server]:
    """Every server of the stack, in the order in which they are told."""
    place = Place.of(settings.stack)
    kinds = (Kafka, NameNode, DataNode, Mongo, ZooKeeper, Nimbus, Supervisor)
    return [kind(settings, place) for kind in kinds]


def services(settings: Settings) -> list[Service]:
    """The services that are processes of their own."""
    return [Service(name, Place.of(settings.stack)) for name in COMMANDS]


def up(settings: Settings, names: Sequence[str], tell: Tell) -> list[str]:
    """Start what of `names` does not serve yet, and wait until it does. Gives the names of what was started.

    Raises `TrendsError`: a port is taken, Java is missing, a server did not come up. What did come up stays up.
    """
    place = Place.of(settings.stack)
    with _alone(place):
        supervision = Supervision(place)
        chosen = [server for server in [*servers(settings), *services(settings)] if server.name in names]
        ours = [server for server in chosen if server.ports() or isinstance(server, Service)]
        jvm = java.find() if any(server.jars for server in ours) else Path("java")
        if not supervision.running() and (killed := supervision.kill_strays()):
            logger.warning("ended %d processes that an earlier stack left behind", killed)
        alive = {process.name for process in supervision.processes() if process.alive}
        changed = {s.name: supervision.describe(s.name, s.program(jvm), STOP_AFTER_S) for s in ours}
        if moved := [name for name in alive & changed.keys() if changed[name]]:
            supervision.stop(moved)
        missing = [server for server in ours if server.name not in alive or server.name in moved]
        _check_ports(settings, missing)
        supervision.apply([server.name for server in missing])
        _start_all(missing, place, jvm, supervision, tell)
        waiting = [server for server in ours if server not in missing]
        _side_by_side(lambda server: _await(server, supervision, place, tell), waiting)
        return [server.name for server in missing]


def down(settings: Settings, tell: Tell) -> int:
    """Stop the services, then the servers, then what Storm's workers left. Gives how many programs were stopped."""
    place = Place.of(settings.stack)
    supervision = Supervision(place)
    alive = [process.name for process in supervision.processes() if process.alive]
    if supervision.running():
        for group in ([n for n in alive if n in COMMANDS], [n for n in alive if n not in COMMANDS]):
            for name in group:
                tell(name, "stopping")
            supervision.stop(group)
            for name in group:
                tell(name, "stopped")
        supervision.shut_down()
    return len(alive) + supervision.kill_strays()


def _check_ports(settings: Settings, missing: Sequence[Server]) -> None:
    """Before anything starts: a stale server would answer in place of ours."""
    refuse_twice((server.name, port) for server in servers(settings) for port in server.ports())
    if found := clashes((server.name, port) for server in missing for port in server.ports()):
        raise TrendsError("; ".join(map(str, found)), where="the local stack", next_step="Then `trends up` again")


def _start_all(missing: Sequence[Server], place: Place, jvm: Path, supervision: Supervision, tell: Tell) -> None:
    def bring(server: Server) -> None:
        tell(server.name, "preparing")
        server.prepare(jvm)
        supervision.start(server.name)
        _await(server, supervision, place, tell)

    first = {server.jars: server for server in reversed(missing) if server.jars}  # one of those that share a set
    _side_by_side(lambda server: _fetch(server, place, jvm, tell), list(first.values()))
    _side_by_side(bring, missing)


def _fetch(server: Server, place: Place, jvm: Path, tell: Tell) -> None:
    if server.jars:
        fetch(server.jars, place, jvm, lambda text: tell(server.name, text))


def _await(server: Server, supervision: Supervision, place: Place, tell: Tell) -> None:
    """Ask until it serves. Raises `TrendsError` with the end of its log where it does not, or dies again and again."""
    tell(server.name, "starting")

    def serves() -> bool:
        state = next((p.state for p in supervision.processes() if p.name == server.name), "UNKNOWN")
        if state in ("FATAL", "EXITED", "STOPPED", "UNKNOWN"):
            raise _failed(server, place, f"is {state.lower()}")
        return state == "RUNNING" and server.ready()

    waiting = tenacity.Retrying(
        stop=tenacity.stop_after_delay(READY_TIMEOUT_S),
        wait=tenacity.wait_fixed(0.25),
        retry=tenacity.retry_if_result(lambda answer: not answer),
    )
    try:
        waiting(serves)
    except tenacity.RetryError:
        raise _failed(server, place, f"does not serve after {READY_TIMEOUT_S:.0f} s") from None
    tell(server.name, "ready")


def _failed(server: Server, place: Place, what: str) -> TrendsError:
    log = place.log(server.name)
    said = log.read_text(errors="replace").splitlines()[-LOG_LINES:] if log.is_file() else []
    return TrendsError("\n  ".join([what, *said]), where=server.name, next_step=f"See `trends logs {server.name}`")


def _side_by_side(task: Callable[[Server], None], over: Sequence[Server]) -> None:
    """All at once; the first error is raised when all have ended."""
    if not over:
        return
    with ThreadPoolExecutor(max_workers=len(over)) as pool:
        for done in [pool.submit(task, server) for server in over]:
            done.result()


@contextmanager
def _alone(place: Place) -> Iterator[None]:
    """One `up` at a time for a state folder."""
    place.state.mkdir(parents=True, exist_ok=True)
    with (place.state / "up.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UsageError(
                "another `trends up` is at work", where=str(place.state), next_step="Wait for it"
            ) from None
        yield
