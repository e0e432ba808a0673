"""Prometheus, with the rules and the scrape configuration of `deploy/prometheus/`, on loopback.

The project ships no program of it: `stack.prometheus` names one, or PATH has one. It finds `trends serve`, and the
Java servers where `stack.metrics` is set.
"""

import json
import shutil
from pathlib import Path

import requests

from config.errors import TrendsError
from config.settings import Settings
from config.settings.logins import LOCAL_HOST
from config.settings.secrets import write_private
from config.stack.paths import FILES, PROJECT, StackPaths, write_whole
from config.stack.server import Address, Port, Program
from config.stack.servers import jmx_agent

RULES = next((each for each in (FILES / "prometheus", PROJECT / "deploy" / "prometheus") if each.is_dir()), FILES)
"""The wheel has this folder inside of `config/`."""
FILE_NAMES = ("prometheus.yml", "recording.yml", "alerts.yml")
TOKEN_FILE = "trends-token"  # noqa: S105 - the name of a file
EVERY_INTERFACE = frozenset({"0.0.0.0", "::", "localhost"})  # noqa: S104 - it looks for them
JOBS = {"nimbus": "storm", "supervisor": "storm"}
"""Job of a server whose job has another name."""
INSTALL = (
    "Install Prometheus (Debian, Ubuntu: `apt-get install prometheus`; macOS: `brew install prometheus`), "
    "or set stack.prometheus to its program"
)


class Prometheus:
    """One Prometheus; another one, elsewhere, reads the same files from `deploy/prometheus/`."""

    name = "prometheus"
    jars = None

    def __init__(self, settings: Settings, paths: StackPaths) -> None:
        self._settings = settings
        self._paths = paths
        self._at = Address(LOCAL_HOST, settings.stack.prometheus_port)
        self.address = str(self._at)

    def ports(self) -> list[Port]:
        """The one of its pages and its API."""
        return [Port(self._at.port, "stack.prometheus_port")]

    def prepare(self, jvm: Path) -> None:  # noqa: ARG002 - the contract's
        """Copy the rules, and write the targets and the token of `trends serve`."""
        folder = self._paths.conf(self.name)
        for name in FILE_NAMES:
            write_whole(folder / name, (RULES / name).read_text(encoding="utf-8"))
        for job, groups in self.targets().items():
            write_whole(folder / "targets" / f"{job}.yml", json.dumps(groups))  # every JSON text is YAML
        write_private(folder / TOKEN_FILE, self._token())
        self._paths.data(self.name).mkdir(parents=True, exist_ok=True)

    def program(self, jvm: Path) -> Program:  # noqa: ARG002 - the contract's
        """The server. Raises `TrendsError` where the machine has none."""
        options = {
            "config.file": "prometheus.yml",  # in its folder: it reads the names of files there as patterns
            "storage.tsdb.path": self._paths.data(self.name),
            "web.listen-address": self.address,
        }
        command = [str(self._find()), *(f"--{name}={value}" for name, value in options.items())]
        changes = json.dumps([self.targets(), self._token()])
        return Program(command, folder=self._paths.conf(self.name), restart_key=changes)

    def ready(self) -> bool:
        """Whether it has loaded its data and answers queries."""
        try:
            return requests.get(f"http://{self.address}/-/ready", timeout=2).ok
        except requests.RequestException:
            return False

    def targets(self) -> dict[str, list[dict[str, object]]]:
        """The targets of each job, as Prometheus reads them from files; a job without one has an empty list."""
        serve = self._settings.serve
        at = LOCAL_HOST if serve.host in EVERY_INTERFACE else serve.host
        host = f"[{at}]" if ":" in at else at
        found: dict[str, list[dict[str, object]]] = {"trends": [], "postgres": []}
        if serve.port:
            found["trends"].append(_target(f"{host}:{serve.port}", "serve"))
        for server in jmx_agent.SERVERS:
            of_job = found.setdefault(JOBS.get(server, server), [])
            of_job += [
                _target(f"{LOCAL_HOST}:{port.number}", server) for port in jmx_agent.agent_ports(self._settings, server)
            ]
        return found

    def _token(self) -> str:
        token = self._settings.serve.token
        return token.get_secret_value() if token else ""

    def _find(self) -> Path:
        named = self._settings.stack.prometheus
        if named:
            path = named.expanduser().absolute()
            if not path.is_file():
                raise TrendsError(f"no such program: {path}", where="stack.prometheus", next_step=INSTALL)
            return path
        found = shutil.which(self.name)
        if found is None:
            raise TrendsError("no prometheus found", where="PATH", next_step=INSTALL)
        return Path(found).absolute()


def _target(address: str, daemon: str) -> dict[str, object]:
    return {"targets": [address], "labels": {"daemon": daemon}}
