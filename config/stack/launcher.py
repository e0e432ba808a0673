"""Launcher: brings the servers of this machine up side by side, waits until each one serves, and takes them down.

A second `up` leaves alone a server that serves. Data stays across `down`. Next: server.py for the contract,
supervision.py for the supervisord that keeps the processes alive.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path

import tenacity

from config.errors import TrendsError, UsageError
from config.settings import Settings
from config.settings.secure_stack import secure_files
from config.stack import resources
from config.stack.jars import java
from config.stack.jars.jar_cache import fetch
from config.stack.paths import StackPaths, exclusive
from config.stack.ports import check_duplicates, find_clashes
from config.stack.server import NeedsSetUp, Server
from config.stack.servers import OPTIONAL, STANDARD
from config.stack.servers.hdfs import DataNode, NameNode
from config.stack.servers.hive import NEEDS, Hive
from config.stack.servers.kafka import Kafka
from config.stack.servers.mongo import Mongo
from config.stack.servers.postgres import Postgres
from config.stack.servers.prometheus import Prometheus
from config.stack.servers.secure import material
from config.stack.servers.storm import Nimbus, Supervisor, ZooKeeper
from config.stack.services import COMMANDS, Service
from config.stack.supervision import Supervision

logger = logging.getLogger(__name__)

READY_TIMEOUT_S = 180.0
ASK_EVERY_S = 0.4
DYING_S = 2.0
"""How long `up` waits for a busy port that nobody seems to hold: a killed process gives it up with its last thread."""
LOG_LINES, LOG_WIDTH = 8, 300
MOST_LIVES = 3
"""How often a server may start and end within one `up` before `up` gives it up."""

Tell = Callable[[str, str], None]
"""Takes a server's name and its current step; the last step is `ready` or an error."""


def servers(settings: Settings) -> list[Server]:
    """The servers that a plain `trends up` starts, in the order of `trends status`."""
    paths = StackPaths.of(settings.stack)
    kinds = (Kafka, NameNode, DataNode, Mongo, ZooKeeper, Nimbus, Supervisor)
    return [kind(settings, paths) for kind in kinds]


def optional_servers(settings: Settings) -> list[Server]:
    """The servers of feeds, and Prometheus: `trends up` starts them by name alone."""
    paths = StackPaths.of(settings.stack)
    return [kind(settings, paths) for kind in (Postgres, Hive, Prometheus)]


def with_needs(names: Sequence[str]) -> list[str]:
    """The names, and those of the servers that they need."""
    return [*names, *(need for need in NEEDS if need not in names)] if Hive.name in names else list(names)


def services(settings: Settings) -> list[Service]:
    """The services that are processes of their own."""
    paths = StackPaths.of(settings.stack)
    return [Service(name, arguments, settings, paths) for name, arguments in COMMANDS.items()]


def feed_services(settings: Settings, names: Sequence[str]) -> list[Service]:
    """The services that run feeds: `trends up` starts them by name alone."""
    paths = StackPaths.of(settings.stack)
    return [Service(name, ("feed", "run", name, "--keep-going"), settings, paths) for name in names]


def running_feeds(settings: Settings) -> list[str]:
    """The feeds that the stack has started, and not forgotten since it began: all programs of no other name."""
    others = {*STANDARD, *OPTIONAL, *COMMANDS}
    return [p.name for p in Supervision(StackPaths.of(settings.stack)).processes() if p.name not in others]


def prepare(settings: Settings, *, secure: bool = False) -> Settings:
    """The settings that connect to the local stack. Makes the certificates and passwords of a secure one first.

    `secure`: whether a stack that never ran becomes a secure one. Raises `TrendsError`.
    """
    paths = StackPaths.of(settings.stack)
    if secure:
        settings = settings.model_copy(update={"stack": settings.stack.model_copy(update={"secure": True})})
    if secure_files(settings.stack) is None:
        return settings
    with exclusive(paths):
        return material.prepare(settings, paths)


def up(settings: Settings, names: Sequence[str], tell: Tell, feeds: Sequence[str] = ()) -> list[str]:
    """Start the servers of `names` that do not serve yet, and wait until they do. Gives the names of those it started.

    A server that another one needs starts with it. The services of `feeds` start as well.

    It restarts a server that runs with other settings. Raises `TrendsError`: a port is busy, Java is missing, a server
    did not come up. The others stay up, then as after Ctrl-C: another `up` goes on from there.
    """
    paths = StackPaths.of(settings.stack)
    settings = prepare(settings)
    everything = [*servers(settings), *optional_servers(settings), *services(settings)]
    wanted = with_needs(names)
    ours = [s for s in everything if s.name in wanted and (s.ports() or isinstance(s, Service))]
    ours += feed_services(settings, feeds)
    if not ours:
        return []
    _refuse_open_servers(settings, ours)
    with exclusive(paths):
        supervision = Supervision(paths)
        if not supervision.running() and (killed := supervision.kill_strays()):
            logger.warning("ended %d processes that an earlier stack left behind", killed)
        if not supervision.running():
            paths.clear_scratch()
        jvm = java.find() if any(server.jars for server in ours) else Path("java")
        alive = {process.name for process in supervision.processes() if process.alive}
        changed = {
            s.name
            for s in ours
            if supervision.describe(s.name, s.program(jvm), [port.number for port in s.ports()], alive=s.name in alive)
        }
        if moved := changed & alive:
            supervision.stop(sorted(moved))
        missing = [server for server in ours if server.name not in alive - moved]
        _check_ports(settings, missing)
        if missing:
            _check_capacity(paths)
        supervision.apply(sorted(changed | {server.name for server in missing}))
        bring = _Startup(paths, jvm, supervision, tell)
        one_a_set = {server.jars: server for server in reversed(missing)}
        bring.side_by_side(bring.fetch, list(one_a_set.values()))
        bring.side_by_side(lambda s: bring.start(s) if s in missing else bring.wait(s), ours)
    return [server.name for server in missing]


def down(settings: Settings, tell: Tell, names: Sequence[str] = ()) -> int:
    """Stop the services, then the servers, then the leftovers of Storm's workers; with `names`, those programs alone.

    Gives the number of programs that it stopped. Where nothing runs that is 0, and no error.
    """
    supervision = Supervision(StackPaths.of(settings.stack))
    alive = [p.name for p in supervision.processes() if p.alive and (not names or p.name in names)]
    of_servers = {*STANDARD, *OPTIONAL}
    for group in ([n for n in alive if n not in of_servers], [n for n in alive if n in of_servers]):
        if group:
            _announce(group, "stopping", tell)
            supervision.stop(group)
            _announce(group, "stopped", tell)
    if names:
        return len(alive)
    if supervision.running():
        supervision.shut_down()
    return len(alive) + supervision.kill_strays()


def _refuse_open_servers(settings: Settings, ours: Sequence[Server]) -> None:
    """Raise `UsageError` for a server that would let everybody of this machine into a secure stack."""
    if secure_files(settings.stack) and any(server.name == Hive.name for server in ours):
        raise UsageError(
            "Spark's Thrift server asks nobody for a password, so a secure stack does not start it",
            where=Hive.name,
            next_step="Set hive.uri to a HiveServer2 of your own, or use a plain stack in another folder",
        )


def _announce(names: Sequence[str], step: str, tell: Tell) -> None:
    for name in names:
        tell(name, step)


def _check_ports(settings: Settings, missing: Sequence[Server]) -> None:
    """Before anything starts: a stale server would answer in place of ours."""
    every = [*servers(settings), *optional_servers(settings)]
    check_duplicates((server.name, port) for server in every for port in server.ports())
    tries = tenacity.Retrying(
        retry=tenacity.retry_if_result(lambda found: any(not clash.owner for clash in found)),
        wait=tenacity.wait_fixed(0.1),
        stop=tenacity.stop_after_delay(DYING_S),
        retry_error_callback=lambda state: state.outcome and state.outcome.result(),
    )
    if found := tries(find_clashes, [(server.name, port) for server in missing for port in server.ports()]):
        raise TrendsError("; ".join(map(str, found)), where="the local stack", next_step="Then `trends up` again")


def _check_capacity(paths: StackPaths) -> None:
    """Warn of little memory or disk; refuse a disk that is as good as full, on which servers break in odd ways."""
    for capacity in (resources.memory(), resources.disk(paths.state)):
        if capacity.out:
            raise TrendsError(capacity.summary, where=str(paths.state), next_step=capacity.next_step)
        if capacity.short:
            logger.warning("only %s. %s", capacity.summary, capacity.next_step)


@dataclass(frozen=True)
class _Startup:
    """The steps by which servers come up, each in a thread of its own."""

    paths: StackPaths
    jvm: Path
    supervision: Supervision
    tell: Tell
    aborted: threading.Event = field(default_factory=threading.Event)

    def side_by_side(self, step: Callable[[Server], None], over: Sequence[Server]) -> None:
        """Take a step with each server at once. The first error, or Ctrl-C, ends the waiting of all."""
        with ThreadPoolExecutor(max_workers=max(1, len(over))) as pool:
            try:
                for done in as_completed([pool.submit(step, server) for server in over]):
                    done.result()
            except BaseException:
                self.aborted.set()
                raise

    def fetch(self, server: Server) -> None:
        """Have its jars in the cache."""
        if server.jars:
            fetch(server.jars, self.paths, lambda text: self.tell(server.name, text))

    def start(self, server: Server) -> None:
        """Prepare and start it, then wait."""
        self.tell(server.name, "preparing")
        server.prepare(self.jvm)
        self.supervision.start(server.name)
        self.wait(server)

    def wait(self, server: Server) -> None:
        """Ask until it serves. Raises `TrendsError` with the end of its log where it does not."""
        self.tell(server.name, "starting")
        waiting = tenacity.Retrying(
            stop=tenacity.stop_after_delay(READY_TIMEOUT_S) | tenacity.stop_when_event_set(self.aborted),
            wait=tenacity.wait_fixed(ASK_EVERY_S),
            retry=tenacity.retry_if_result(lambda answer: not answer),
        )
        lives: set[int] = set()
        try:
            waiting(self._serves, server, lives)
        except tenacity.RetryError:
            if not self.aborted.is_set():
                raise self._failed(server, f"does not serve after {READY_TIMEOUT_S:.0f} s") from None
        else:
            self.tell(server.name, "ready")

    def _serves(self, server: Server, lives: set[int]) -> bool:
        """Ask once. `lives` gathers the process ids seen so far."""
        process = next((p for p in self.supervision.processes() if p.name == server.name), None)
        if process is None or not process.alive:
            raise self._failed(server, f"is {process.state.lower() if process else 'unknown to supervisord'}")
        if process.pid:
            lives.add(process.pid)
        if len(lives) > MOST_LIVES:
            raise self._failed(server, f"ended {MOST_LIVES} times")
        if process.state != "RUNNING" or (isinstance(server, NeedsSetUp) and not server.set_up()):
            return False
        return server.ready()

    def _failed(self, server: Server, what: str) -> TrendsError:
        log = self.paths.log(server.name)
        said = log.read_text(errors="replace").splitlines()[-LOG_LINES:] if log.is_file() else []
        lines = [what, *(line[:LOG_WIDTH] for line in said)]
        return TrendsError("\n  ".join(lines), where=server.name, next_step=f"See `trends logs {server.name}`")
