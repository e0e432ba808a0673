"""Supervision: one supervisord a stack, which starts the servers again when they die and takes them with it at the end.

We talk to it by XML-RPC over a socket that only its user can open. Its configuration holds relative paths alone: its
syntax expands `%`, in places twice, cuts a line at ` #` and ` ;`, and splits at blanks; and where it can't expand a `%`
it prints its whole environment. It gets no setting of ours, so no secret. Every process that it starts carries
`LOCAL_STACK` in its environment, and so do their children: by that `up` and `down` find strays of a killed one.
"""

import configparser
import hashlib
import io
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any
from xmlrpc.client import Fault, ServerProxy

import psutil
from supervisor.xmlrpc import SupervisorTransport

from config.errors import TrendsError, UnavailableError
from config.settings.secrets import write_private
from config.stack.paths import StackPaths, write_whole
from config.stack.polling import wait_until
from config.stack.server import Program

MARK = "LOCAL_STACK"
LONGEST_SOCKET = 100
START_TIMEOUT_S = 15.0
STOP_AFTER_S = 20
"""Seconds that a program has to end by itself."""
STOP_TIMEOUT_S = 60.0
ALIVE = frozenset({"STARTING", "RUNNING", "BACKOFF", "STOPPING"})
EXEC_PROGRAM = Path(__file__).with_name("exec_program.py")

PYTHON = "python"
"""A link in supervisord's folder to the Python that runs now."""

_HEAD = {
    "nodaemon": "false",
    "umask": "077",
    "logfile": "../logs/supervisord.log",
    "pidfile": "supervisord.pid",
    "childlogdir": ".",
    "loglevel": "info",
    "logfile_maxbytes": "5MB",
    "logfile_backups": "1",
    "minfds": "1024",
    "minprocs": "64",
}
_PROGRAM = {
    "autostart": "false",
    "autorestart": "true",
    "startsecs": "2",
    "startretries": "10000",  # after 1, 2, 3 … seconds: a disk may be full for longer than any number of quick tries
    "stopasgroup": "true",
    "killasgroup": "true",
    "redirect_stderr": "true",
    "stdout_logfile_maxbytes": "20MB",
    "stdout_logfile_backups": "2",
}


@dataclass(frozen=True)
class Process:
    """A program as supervisord reports it."""

    name: str
    state: str
    pid: int
    started: float
    description: str

    @property
    def alive(self) -> bool:
        """Whether it runs, or is about to."""
        return self.state in ALIVE


class Supervision:
    """The supervisord of one state folder. Calls raise `UnavailableError` where it does not run."""

    def __init__(self, paths: StackPaths) -> None:
        self._paths = paths
        self._folder = paths.state / "supervisor"
        self._conf = self._folder / "supervisord.conf"

    def running(self) -> bool:
        """Whether it answers."""
        try:
            with self._rpc() as rpc:
                return bool(rpc.getPID())
        except UnavailableError:
            return False

    def describe(self, name: str, program: Program, ports: Sequence[int], *, alive: bool = False) -> bool:
        """Write down how to start a program. Tells whether that, or a port, has changed. Call it before `apply`.

        The cache's folder does not matter: it follows HOME, and the jars in it are the same everywhere. A program that
        is `alive` and has not changed keeps its description: it started from a cache that has its jars.
        """
        known = {"command": list(program.command), "folder": str(program.folder or self._paths.state)}
        lasting = {key: value for key, value in program.environment.items() if key != "PATH"}  # differs by shell
        facts = json.dumps([known, lasting, list(ports), program.restart_key], sort_keys=True)
        fingerprint = self._paths.fingerprint(facts.replace(json.dumps(str(self._paths.cache))[1:-1], "CACHE"))
        written = self._read()
        before = written.get(f"program:{name}", "command", fallback="", raw=True)
        command = f"./{PYTHON} -I -S {EXEC_PROGRAM.name} {name}.json {fingerprint}"
        if before == command and alive:
            return False
        environment = program.full_environment() | {MARK: str(self._paths.state), "TMPDIR": str(self._paths.scratch)}
        write_private(self._folder / f"{name}.json", json.dumps(known | {"environment": environment}))
        written[f"program:{name}"] = _PROGRAM | {
            "command": command,
            "stdout_logfile": f"../logs/{name}.log",
            "stopsignal": program.stop_signal,
            "stopwaitsecs": str(STOP_AFTER_S),
        }
        self._write(written)
        return before != command

    def apply(self, names: list[str]) -> None:
        """Start supervisord if it does not run, and let it take over the changes of these programs."""
        if not self.running():
            self._start()
            return
        with self._rpc() as rpc:
            added, changed, _ = rpc.reloadConfig()[0]
            for name in [name for name in changed if name in names]:
                rpc.stopProcessGroup(name)
                rpc.removeProcessGroup(name)
                rpc.addProcessGroup(name)
            for name in added:
                rpc.addProcessGroup(name)

    def start(self, name: str) -> None:
        """Start a program; no wait, and no error where it runs already."""
        with self._rpc() as rpc:
            try:
                rpc.startProcess(name, False)
            except Fault as fault:
                if "ALREADY_STARTED" not in fault.faultString:
                    raise TrendsError(fault.faultString, where=name, next_step=f"See `trends logs {name}`") from None

    def stop(self, names: list[str]) -> None:
        """Stop programs side by side and wait until they have ended."""
        with self._rpc() as rpc:
            for name in names:
                with _unless_stopped():
                    rpc.stopProcess(name, False)
        _until(lambda: not any(p.alive for p in self.processes() if p.name in names), STOP_TIMEOUT_S, "does not stop")

    def processes(self) -> list[Process]:
        """Every program it knows; none where it does not run."""
        try:
            with self._rpc() as rpc:
                told = rpc.getAllProcessInfo()
        except UnavailableError:
            return []
        return [Process(p["name"], p["statename"], p["pid"], float(p["start"]), p["description"]) for p in told]

    def shut_down(self) -> None:
        """End it and everything under it."""
        with self._rpc() as rpc:
            pid = int(rpc.getPID())
            rpc.shutdown()
        _until(lambda: not psutil.pid_exists(pid), STOP_TIMEOUT_S, "supervisord does not end")

    def strays(self) -> list[psutil.Process]:
        """Processes of this stack that supervisord does not know (any more), or that its programs have started."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.pid != os.getpid() and process.environ().get(MARK) == str(self._paths.state):
                    found.append(process)
            except (psutil.Error, OSError):  # gone, or another user's
                continue
        return found

    def kill_strays(self) -> int:
        """End them, without mercy after five seconds. Gives how many there were."""
        found = self.strays()
        for process in found:
            with _unless_gone():
                process.terminate()
        _, left = psutil.wait_procs(found, timeout=5)
        for process in left:
            with _unless_gone():
                process.kill()
        psutil.wait_procs(left, timeout=5)
        return len(found)

    def _start(self) -> None:
        command = [sys.executable, "-W", "ignore", "-m", "supervisor.supervisord", "-c", self._conf.name]
        environment: dict[str, str | None] = {MARK: str(self._paths.state), "PYTHONPATH": None}
        Program(command, environment, self._folder).run("supervisord", START_TIMEOUT_S)
        _until(self.running, START_TIMEOUT_S, "supervisord does not answer")

    def _read(self) -> configparser.RawConfigParser:
        """The configuration as it stands, with the fixed sections made new."""
        parser = configparser.RawConfigParser()
        parser.read(self._conf)
        parser["unix_http_server"] = {"file": self._socket_setting(), "chmod": "0700"}
        parser["supervisord"] = dict(_HEAD)
        if os.geteuid() == 0:
            parser["supervisord"]["user"] = "root"
        parser["rpcinterface:supervisor"] = {
            "supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface"
        }
        return parser

    def _write(self, parser: configparser.RawConfigParser) -> None:
        """Write the configuration, and beside it the files that its relative names mean."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._paths.log("any").parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_whole(self._folder / EXEC_PROGRAM.name, EXEC_PROGRAM.read_text())
        beside = self._folder / f".{PYTHON}-{os.getpid()}"
        beside.unlink(missing_ok=True)
        beside.symlink_to(Path(sys.executable).resolve())
        beside.replace(self._folder / PYTHON)
        text = io.StringIO()
        parser.write(text)
        write_private(self._conf, text.getvalue())

    def _socket_setting(self) -> str:
        near = self._folder / "s"
        return near.name if self._socket() == near else str(self._socket()).replace("%", "%%")

    def _socket(self) -> Path:
        """In the state folder, or where that path is too long for a socket, in a private folder beside others."""
        near = self._folder / "s"
        if len(str(near)) <= LONGEST_SOCKET:
            return near
        private = Path(tempfile.gettempdir()) / f"trends-{os.geteuid()}"
        private.mkdir(mode=0o700, exist_ok=True)
        if private.is_symlink() or private.stat().st_uid != os.geteuid():
            raise TrendsError(
                "belongs to somebody else", where=str(private), next_step="Set stack.state to a short path"
            )
        return private / hashlib.sha256(str(near).encode()).hexdigest()[:16]

    @contextmanager
    def _rpc(self) -> Iterator[Any]:
        """The XML-RPC interface; every way in which it can be out of reach is one error."""
        transport = SupervisorTransport(None, None, f"unix://{self._socket()}")
        try:
            yield ServerProxy("http://127.0.0.1", transport=transport).supervisor
        except (OSError, HTTPException) as error:
            raise UnavailableError(
                f"does not run ({error})", where="the local stack", next_step="`trends up`"
            ) from None
        finally:
            transport.close()


def stack_of(pid: int) -> str:
    """The state folder of the stack that a process belongs to; empty where it belongs to none, or hides it."""
    try:
        return psutil.Process(pid).environ().get(MARK, "")
    except (psutil.Error, OSError):
        return ""


def _until(reached: Callable[[], bool], timeout_s: float, otherwise: str) -> None:
    timeout = TrendsError(otherwise, where="the local stack", next_step="See `trends logs supervisord`")
    wait_until(reached, timeout_s, every_s=0.1, timeout=timeout)


@contextmanager
def _unless_stopped() -> Iterator[None]:
    try:
        yield
    except Fault as fault:
        if "NOT_RUNNING" not in fault.faultString and "BAD_NAME" not in fault.faultString:
            raise TrendsError(fault.faultString, where="supervisord") from None


@contextmanager
def _unless_gone() -> Iterator[None]:
    try:
        yield
    except psutil.NoSuchProcess:
        return
