"""Ports: which processes hold them, and how to find free ones."""

import random
import socket
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass

import psutil

from config.errors import TrendsError
from config.settings.network.addresses import is_loopback
from config.stack.server import Port

LOWEST, HIGHEST = 20_000, 32_000
"""Below the range that systems take for outgoing connections, so that none of those gets in between."""


@dataclass(frozen=True)
class Clash:
    """A port that something listens on already. `owner` is empty where the system does not tell."""

    server: str
    port: Port
    owner: str

    def __str__(self) -> str:
        by = f" by {self.owner}" if self.owner else ""
        return f"port {self.port.number} of {self.server} is taken{by}: stop that, or set {self.port.setting}"


def find_clashes(wanted: Iterable[tuple[str, Port]]) -> list[Clash]:
    """The ports of `wanted` (server, port) that can't be bound."""
    return [Clash(server, port, owner_of(port.number)) for server, port in wanted if not _free(port.number)]


def check_duplicates(wanted: Iterable[tuple[str, Port]]) -> None:
    """Raise `TrendsError` where the settings give two servers one port."""
    seen: dict[int, str] = {}
    for server, port in wanted:
        if port.number in seen:
            raise TrendsError(
                f"port {port.number} is set for both {seen[port.number]} and {server}",
                where="settings",
                next_step=f"Change {port.setting}",
            )
        seen[port.number] = server


def owner_of(port: int) -> str:
    """`name (pid 12)` of the process that listens on a port, where the system tells."""
    return _process_name(listeners().get(port))


def listeners() -> dict[int, int | None]:
    """The process id of a listener by its port, as far as the system tells."""
    try:
        connections = psutil.net_connections(kind="tcp")
    except (psutil.AccessDenied, OSError):
        return {}
    return {each.laddr.port: each.pid for each in connections if each.status == psutil.CONN_LISTEN and each.laddr}


def exposed_listeners(processes: Iterable[psutil.Process]) -> list[str]:
    """`name (pid 12) at *:6627`: the addresses beyond loopback that these processes listen on."""
    found = []
    for process in processes:
        try:
            connections = process.net_connections("tcp")
        except psutil.Error:  # gone, or another user's
            continue
        for connection in connections:
            if connection.status == psutil.CONN_LISTEN and not is_loopback(connection.laddr.ip):
                found.append(f"{_process_name(process.pid)} at {connection.laddr.ip}:{connection.laddr.port}")
    return sorted(found)


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on. It holds all of them until it has the last, so they differ."""
    found: list[int] = []
    with ExitStack() as held:
        for port in random.sample(range(LOWEST, HIGHEST), HIGHEST - LOWEST):
            if len(found) == count:
                break
            holder = held.enter_context(socket.socket())
            try:
                holder.bind(("127.0.0.1", port))
            except OSError:
                continue
            found.append(port)
    if len(found) < count:
        raise TrendsError(f"no {count} free ports between {LOWEST} and {HIGHEST}", where="this machine")
    return found


def _process_name(pid: int | None) -> str:
    if pid is None:
        return ""
    try:
        return f"{psutil.Process(pid).name()} (pid {pid})"
    except psutil.Error:
        return f"pid {pid}"


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
