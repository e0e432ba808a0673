"""Storm: ZooKeeper, nimbus and a supervisor, from the jars of storm-server and storm-client.

`storm.home` is the folder of the jars in the cache, which nothing writes to; workers run from its lib-worker.
"""

import json
import os
import socket
import sys
from dataclasses import replace
from pathlib import Path

from config.errors import UnavailableError
from config.settings import Settings
from config.stack.jars import java
from config.stack.jars.ivy import Artifact
from config.stack.jars.jar_cache import JarSet
from config.stack.paths import FILES, StackPaths, property_value, render_template, write_whole
from config.stack.server import Address, Port, Program, address_of
from config.stack.servers import jmx_agent, loopback, nimbus
from config.stack.services import settings_environment

VERSION = "2.8.3"
JARS = JarSet(
    "storm",
    VERSION,
    (
        ("lib", (Artifact("org.apache.storm", "storm-server", VERSION),)),
        ("lib-worker", (Artifact("org.apache.storm", "storm-client", VERSION),)),
    ),
)


WORKERS_LOG = f"-Dlog4j2.configurationFile={(FILES / 'storm' / 'worker.xml').as_uri()}"
"""As a URI, which a worker prefers to Storm's own value: that is a list of files, which a comma in a path cuts."""


class _Storm:
    """The parts that the three processes share."""

    jars = JARS

    def __init__(self, settings: Settings, paths: StackPaths) -> None:
        self._settings = settings
        self._paths = paths
        self._nimbus = address_of(settings.storm.nimbus, "storm.nimbus")

    def _ours(self, *ports: Port) -> list[Port]:
        return list(ports) if self._nimbus.here else []

    def _conf(self) -> Path:
        return self._paths.conf("storm")

    def prepare(self, jvm: Path) -> None:
        """Write storm.yaml, and compile the agent that keeps Storm on loopback."""
        loopback.prepare(self._paths, jvm)
        jmx_agent.fetch_agent(self._settings, self._paths)
        stack, data = self._settings.stack, self._paths.data("storm")
        data.mkdir(parents=True, exist_ok=True)
        local = render_template(
            "storm/local.yaml",
            zookeeper=stack.zookeeper_port,
            nimbus=self._nimbus.port,
            supervisor=stack.storm_supervisor_port,
            workers=list(stack.storm_worker_ports),
            data=_quoted(data),
            logs=_quoted(data / "logs"),
            artifacts=_quoted(data / "workers"),
            conf=_quoted(FILES / "storm"),
        )
        write_whole(self._conf() / "storm.yaml", (FILES / "storm" / "storm.yaml").read_text() + local)

    def _java(self, jvm: Path, heap_mb: int, *arguments: str, **properties: object) -> Program:
        logs = {"log4j2.configurationFile": (FILES / "storm" / "cluster.xml").as_uri()}
        given = [f"-D{name.replace('_', '.')}={value}" for name, value in (logs | properties).items()]
        command = [str(jvm), *java.flags(self._paths.scratch, heap_mb), *given, *arguments]
        return Program(command, self._environment())

    def _daemon(self, jvm: Path, name: str, main: str) -> Program:
        data = self._paths.data("storm")
        return self._java(
            jvm,
            128,
            *jmx_agent.agent_options(self._settings, self._paths, name, "storm"),
            main,
            daemon_name=name,
            storm_home=self._paths.jars("storm", VERSION),
            storm_log_dir=data / "logs",
            storm_conf_file=self._conf() / "storm.yaml",
            java_deserialization_disabled="true",
            logfile_name=f"{name}.log",
        )

    def _leads(self) -> bool:
        try:
            return nimbus.ask(self._nimbus).leader
        except UnavailableError:
            return False

    def _environment(self) -> dict[str, str | None]:
        # Unbuffered output would halve the rate of spouts and bolts, and lets a stray print break their protocol.
        beside = str(Path(sys.executable).parent)
        return {
            "JDK_JAVA_OPTIONS": loopback.options(self._paths, WORKERS_LOG),
            "CLASSPATH": ":".join(JARS.classpath(self._paths)),
            "PATH": f"{beside}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
            "PYTHONUNBUFFERED": None,
        }


def _quoted(path: Path) -> str:
    """A path as YAML takes it: every JSON string is YAML."""
    return json.dumps(str(path), ensure_ascii=False)


class ZooKeeper(_Storm):
    """ZooKeeper, as Storm shades it."""

    name = "zookeeper"

    @property
    def address(self) -> str:
        """Where Storm finds it; unknown to us where Storm runs elsewhere."""
        return str(self._at()) if self.ports() else ""

    def _at(self) -> Address:
        return Address("127.0.0.1", self._settings.stack.zookeeper_port)

    def ports(self) -> list[Port]:
        """The clients' port."""
        return self._ours(Port(self._at().port, "stack.zookeeper_port"))

    def prepare(self, jvm: Path) -> None:
        """Write its configuration and make its data folder."""
        super().prepare(jvm)
        data = self._paths.data(self.name)
        data.mkdir(parents=True, exist_ok=True)
        values = {"port": self._at().port, "data": property_value(data)}
        write_whole(self._conf() / "zookeeper.cfg", render_template("storm/zookeeper.cfg", **values))

    def program(self, jvm: Path) -> Program:
        """The server."""
        main = "org.apache.storm.shade.org.apache.zookeeper.server.ZooKeeperServerMain"
        return self._java(jvm, 64, main, str(self._conf() / "zookeeper.cfg"), zookeeper_admin_enableServer="false")

    def ready(self) -> bool:
        """Whether it tells its version, as the four letters `srvr` ask. Elsewhere, a nimbus that leads proves it."""
        if not self.ports():
            return self._leads()
        try:
            with socket.create_connection((self._at().host, self._at().port), timeout=2) as asked:
                asked.sendall(b"srvr")
                return asked.recv(64).startswith(b"Zookeeper version")
        except OSError:
            return False


class Nimbus(_Storm):
    """The nimbus at `storm.nimbus`."""

    name = "nimbus"

    @property
    def address(self) -> str:
        """Its thrift server."""
        return str(self._nimbus)

    def ports(self) -> list[Port]:
        """The thrift server's, and that of its metrics."""
        return self._ours(Port(self._nimbus.port, "storm.nimbus"), *jmx_agent.agent_ports(self._settings, self.name))

    def program(self, jvm: Path) -> Program:
        """The daemon."""
        return self._daemon(jvm, self.name, "org.apache.storm.daemon.nimbus.Nimbus")

    def ready(self) -> bool:
        """Whether it answers and leads."""
        return self._leads()


class Supervisor(_Storm):
    """The supervisor: it starts the workers, and every spout and bolt is a child of theirs."""

    name = "supervisor"

    @property
    def address(self) -> str:
        """Its thrift server; unknown to us where Storm runs elsewhere."""
        return str(Address("127.0.0.1", self._settings.stack.storm_supervisor_port)) if self.ports() else ""

    def ports(self) -> list[Port]:
        """The thrift server's, the workers', and that of its metrics."""
        stack = self._settings.stack
        workers = [Port(port, "stack.storm_worker_ports") for port in stack.storm_worker_ports]
        own = Port(stack.storm_supervisor_port, "stack.storm_supervisor_port")
        return self._ours(own, *workers, *jmx_agent.agent_ports(self._settings, self.name))

    def program(self, jvm: Path) -> Program:
        """The daemon. Its workers inherit the settings that it knows."""
        daemon = self._daemon(jvm, self.name, "org.apache.storm.daemon.supervisor.Supervisor")
        return replace(daemon, environment={**settings_environment(self._paths), **daemon.environment})

    def ready(self) -> bool:
        """Whether nimbus knows it."""
        try:
            return nimbus.ask(self._nimbus).supervisors > 0
        except UnavailableError:
            return False
