"""States of the stack's servers, services and topology at this moment, for `trends status`."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Literal

import psutil

from config.errors import UnavailableError
from config.settings import Settings
from config.stack.launcher import feed_services, optional_servers, running_feeds, servers, services
from config.stack.paths import StackPaths
from config.stack.ports import listeners
from config.stack.server import Server, address_of
from config.stack.servers import nimbus
from config.stack.services import Service
from config.stack.supervision import Process, Supervision, stack_of

State = Literal["running", "starting", "stopping", "stopped", "failed", "silent", "external"]
_STATES: dict[str, State] = {
    "RUNNING": "running",
    "STARTING": "starting",
    "BACKOFF": "failed",  # it ended right after its start, and supervisord tries again
    "STOPPING": "stopping",
    "FATAL": "failed",
    "UNKNOWN": "failed",
}
MEGABYTE = 1 << 20


@dataclass(frozen=True)
class ServerState:
    """One server or service.

    `silent`: its process runs, and it or a server that it depends on does not answer. `external`: its address is not on
    this machine, so the stack neither starts nor watches it.
    """

    name: str
    state: State
    pid: int | None
    uptime_s: int | None
    memory_mb: int | None
    address: str
    external: bool
    other_stack: str = ""
    """The state folder of another stack, whose process listens at this address while ours is stopped."""


def states(settings: Settings) -> list[ServerState]:
    """Every server, service and the topology. Quick, and never an error: one out of reach counts as stopped.

    An optional server or a feed that never ran here is not among them, unless the server runs elsewhere.
    """
    known = {process.name: process for process in Supervision(StackPaths.of(settings.stack)).processes()}
    optional = [server for server in optional_servers(settings) if server.name in known or not server.ports()]
    every = [*servers(settings), *optional, *services(settings), *feed_services(settings, running_feeds(settings))]
    own = str(StackPaths.of(settings.stack).state)
    told = _with_other_stacks(every, [_state(server, known.get(server.name)) for server in every], own)
    return [*told, _topology(settings, known.get("supervisor"))]


def probe_states(settings: Settings) -> list[ServerState]:
    """As `states`, and ask each running server; one without an answer within about five seconds is `silent`."""
    told = states(settings)
    running = {state.name for state in told if state.state == "running"}
    ours = [server for server in [*servers(settings), *optional_servers(settings)] if server.name in running]
    with ThreadPoolExecutor(max(1, len(ours))) as threads:
        answers = threads.map(lambda server: server.ready() or server.ready(), ours)
        silent = {server.name for server, answered in zip(ours, answers, strict=True) if not answered}
    return [replace(state, state="silent") if state.name in silent else state for state in told]


def _state(server: Server, process: Process | None) -> ServerState:
    external = not server.ports() and not isinstance(server, Service)
    if external or process is None or not process.pid:
        state = "external" if external else _STATES.get(process.state, "stopped") if process else "stopped"
        return ServerState(server.name, state, None, None, None, server.address, external)
    return ServerState(
        server.name,
        _STATES.get(process.state, "stopped"),
        process.pid,
        max(0, int(time.time() - process.started)),
        _memory_mb(process.pid, children=isinstance(server, Service)),
        server.address,
        external,
    )


def _with_other_stacks(every: Sequence[Server], told: list[ServerState], own: str) -> list[ServerState]:
    """The states; a stopped server names the stack that its port leads to, unless that is ours: a process left over."""
    if all(state.external or state.pid for state in told):
        return told
    holders = listeners()
    found = []
    for server, state in zip(every, told, strict=True):
        pids = [] if state.external or state.pid else [holders.get(port.number) for port in server.ports()[:1]]
        stack = next((stack_of(pid) for pid in pids if pid), "")
        found.append(replace(state, other_stack="" if stack == own else stack))
    return found


def _topology(settings: Settings, supervisor: Process | None) -> ServerState:
    """The topology lives in workers that Storm's supervisor has started."""
    at = address_of(settings.storm.nimbus, "storm.nimbus")
    external = not at.here
    pid = supervisor.pid if supervisor and not external else 0
    try:
        found = nimbus.ask(at).topology(settings.storm.topology) if pid or external else None
    except UnavailableError:
        found = None
    if found is None:
        return ServerState("topology", "stopped", None, None, None, "", external)
    state: State = "running" if found.status == "ACTIVE" else "stopping" if found.status == "KILLED" else "starting"
    memory = max(0, _memory_mb(pid, children=True) - _memory_mb(pid, children=False)) if pid else None
    return ServerState("topology", state, None, found.uptime_s, memory, "", external)


def _memory_mb(pid: int, *, children: bool) -> int:
    """Resident memory of a process, and of its descendants if `children`."""
    total = 0
    try:
        process = psutil.Process(pid)
        for each in [process, *(process.children(recursive=True) if children else [])]:
            total += each.memory_info().rss
    except psutil.Error:
        return total // MEGABYTE
    return total // MEGABYTE
