"""Doctor: looks at this machine and at every server, and names a next step for each problem that it finds."""

import email.utils
import re
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from typing import Literal

import requests
from packaging.requirements import Requirement

from config.errors import TrendsError
from config.settings import Settings
from config.settings.hdfs_session import base_url, open_session
from config.settings.kafka_problems import find_problem
from config.stack import resources
from config.stack.jars import java
from config.stack.launcher import optional_servers, servers
from config.stack.paths import PROJECT, StackPaths
from config.stack.ports import exposed_listeners, find_clashes
from config.stack.resources import Capacity
from config.stack.server import Server
from config.stack.servers.mongo import VERSION as MONGOD
from config.stack.servers.mongo import Mongo, mongod
from config.stack.supervision import Supervision

CLOCK_OFF_S = 3.0

State = Literal["ok", "note", "wrong"]


@dataclass(frozen=True)
class Finding:
    """The subject of a check, its result, and the next step where the result is not right."""

    subject: str
    state: State
    found: str
    next_step: str = ""


def examine(settings: Settings) -> Iterator[Finding]:
    """Every finding, cheap ones first. Never an error: a check that fails to run is a finding."""
    paths = StackPaths.of(settings.stack)
    started = {p.name for p in Supervision(paths).processes() if p.state not in ("STOPPED", "EXITED")}
    running = bool(started)
    for look in (_python, _packages, _java):
        yield _guarded(look)
    if not running:
        yield _capacity("memory", resources.memory())
    yield _capacity("disk", resources.disk(paths.state))
    yield _guarded(lambda: _folders(paths))
    yield _guarded(lambda: _mongod(settings))
    if not running:
        yield _guarded(lambda: _ports(settings))
    for server in servers(settings):
        yield _guarded(partial(_answers, settings, server, started=server.name in started))
    for server in optional_servers(settings):
        if server.name in started or not server.ports():
            yield _guarded(partial(_answers, settings, server, started=True))
        else:
            yield Finding(server.name, "ok", f"optional, not started: `trends up {server.name}`")
    yield _clock(settings)
    if running:
        yield _network(paths)


def _guarded(look: Callable[[], Finding]) -> Finding:
    try:
        return look()
    except TrendsError as error:
        return Finding(error.where or "settings", "wrong", error.what, error.next_step)


def _python() -> Finding:
    told = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < (3, 11):  # noqa: UP036 - it looks for such a Python
        return Finding("python", "wrong", told, "Install Python 3.11 or newer, then `make clean` and `make demo`")
    return Finding("python", "ok", told)


def _packages() -> Finding:
    """Installed versions against the lock file."""
    lock = PROJECT / "requirements.lock"
    if not lock.is_file():
        return Finding("packages", "note", "no requirements.lock beside the project, so nothing to compare with")
    lines = re.findall(r"^([A-Za-z0-9][^\\\n]*)", lock.read_text(), re.MULTILINE)
    pinned = [one for one in map(Requirement, lines) if one.marker is None or one.marker.evaluate()]
    have = {one.name: _have(one.name) for one in pinned}
    off = [
        f"{one.name} {have[one.name]} (locked: {one.specifier})"
        for one in pinned
        if str(one.specifier) != f"=={have[one.name]}"
    ]
    if off:
        return Finding("packages", "wrong", "; ".join(off[:5]), "`make .venv` installs what is locked")
    return Finding("packages", "ok", f"{len(pinned)} as locked")


def _have(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "is missing"


def _java() -> Finding:
    return Finding("java", "ok", str(java.find()))


def _folders(paths: StackPaths) -> Finding:
    """Whether every server can work in these folders, and whether others can look into ours."""
    paths.check()
    if paths.state.is_dir() and paths.state.stat().st_mode & 0o077:
        return Finding("folders", "note", f"others can look into {paths.state}", f"`chmod 700 {paths.state}`")
    return Finding("folders", "ok", str(paths.state))


def _capacity(subject: str, capacity: Capacity) -> Finding:
    if capacity.out or capacity.short:
        return Finding(subject, "wrong" if capacity.out else "note", capacity.summary, capacity.next_step)
    return Finding(subject, "ok", capacity.summary)


def _mongod(settings: Settings) -> Finding:
    server = Mongo(settings, StackPaths.of(settings.stack))
    if not server.ports():
        return Finding("mongod", "ok", f"runs elsewhere: {server.address}")
    version = server.check()
    if version and version != MONGOD:
        return Finding("mongod", "wrong", f"{version} at {mongod()}", f"`make .venv` installs {MONGOD}")
    return Finding("mongod", "ok", f"{MONGOD} at {mongod()}")


def _ports(settings: Settings) -> Finding:
    if taken := find_clashes((server.name, port) for server in servers(settings) for port in server.ports()):
        return Finding("ports", "wrong", "; ".join(map(str, taken)), "Then `trends up`")
    return Finding("ports", "ok", "free")


def _answers(settings: Settings, server: Server, *, started: bool) -> Finding:
    where = f"at {server.address or 'another machine'}"
    if server.ready():
        return Finding(server.name, "ok", f"serves {where}")
    if server.ports() and not started:
        return Finding(server.name, "note", "is stopped", "`trends up`")
    if server.name == "kafka" and (problem := find_problem(settings.kafka)):
        return Finding(server.name, "wrong", f"{problem.what} ({where})", problem.next_step)
    step = f"See `trends logs {server.name}`" if server.ports() else "Start it there, or correct its address"
    return Finding(server.name, "wrong", f"does not answer {where}", step)


def _clock(settings: Settings) -> Finding:
    """Our clock against the NameNode's, whose answer carries the time to the second."""
    try:
        answer = open_session(settings.hdfs).get(base_url(settings.hdfs), timeout=3)
        theirs = email.utils.parsedate_to_datetime(answer.headers["Date"]).timestamp()
    except (requests.RequestException, KeyError, ValueError):
        return Finding("clock", "note", "no server to compare with", "`trends up`")
    off = abs(time.time() - theirs)
    if off > CLOCK_OFF_S:
        return Finding("clock", "wrong", f"{off:.0f} s away from the NameNode's", "Set both by NTP")
    return Finding("clock", "ok", "agrees with the NameNode's")


def _network(paths: StackPaths) -> Finding:
    """The servers of the stack that another machine could reach: none, or somebody has reconfigured a server."""
    found = exposed_listeners(Supervision(paths).strays())
    if found:
        step = "`trends down`, `trends up` starts it on loopback; until then close the ports by a firewall"
        return Finding("network", "wrong", f"other machines can reach {', '.join(found)}", step)
    return Finding("network", "ok", "every server listens on loopback alone")
