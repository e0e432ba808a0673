"""One Kafka broker in KRaft mode, its own controller."""

import base64
import uuid
from pathlib import Path

from config.settings import Settings
from config.settings.kafka_problems import connects
from config.stack.jars import java
from config.stack.jars.ivy import Artifact
from config.stack.jars.jar_cache import JarSet
from config.stack.paths import FILES, StackPaths, property_value, render_template, write_whole
from config.stack.server import Address, Port, Program, address_of
from config.stack.servers import jmx_agent

JARS = JarSet(
    "kafka",
    "4.3.1",
    (
        (
            "lib",
            (
                Artifact("org.apache.kafka", "kafka_2.13", "4.3.1"),
                Artifact("org.apache.logging.log4j", "log4j-slf4j-impl", "2.25.4"),
            ),
        ),
    ),
)


class Kafka:
    """The broker at `kafka.bootstrap`. Several addresses there are a cluster, and not ours to start."""

    name = "kafka"
    jars = JARS

    def __init__(self, settings: Settings, paths: StackPaths) -> None:
        self._settings = settings
        self._paths = paths
        self.address = settings.kafka.bootstrap
        self._properties = paths.conf(self.name) / "server.properties"

    def _at(self) -> Address:
        return address_of(self.address, "kafka.bootstrap")

    def ports(self) -> list[Port]:
        """The broker's, the controller's, and that of its metrics."""
        if "," in self.address or not self._at().here:
            return []
        controller = Port(self._settings.stack.kafka_controller_port, "stack.kafka_controller_port")
        return [Port(self._at().port, "kafka.bootstrap"), controller, *jmx_agent.agent_ports(self._settings, self.name)]

    def prepare(self, jvm: Path) -> None:
        """Write server.properties; format the log folder where it is new."""
        jmx_agent.fetch_agent(self._settings, self._paths, jvm)
        data = self._paths.data(self.name)
        here = property_value(data.relative_to(self._paths.state))  # its list of folders has no quotes for a comma
        values = {"port": self._at().port, "controller": self._settings.stack.kafka_controller_port, "data": here}
        shared = render_template("kafka/server.properties")
        write_whole(self._properties, shared + render_template("kafka/local.properties", **values))
        if (data / "meta.properties").is_file():
            return
        data.mkdir(parents=True, exist_ok=True)
        self._java(jvm, [], "kafka.tools.StorageTool", "format", "--standalone", "-t", cluster_id(), "-c").run(
            self.name
        )

    def program(self, jvm: Path) -> Program:
        """The broker."""
        options = jmx_agent.agent_options(self._settings, self._paths, self.name, "kafka")
        return self._java(jvm, options, "kafka.Kafka")

    def ready(self) -> bool:
        """Whether the broker names itself in its metadata."""
        return connects(self._settings.kafka)

    def _java(self, jvm: Path, options: list[str], main: str, *arguments: str) -> Program:
        log4j = f"-Dlog4j2.configurationFile={(FILES / 'kafka' / 'log4j2.yaml').as_uri()}"
        flags = [*java.flags(self._paths.scratch, 512, 128), *options, log4j]
        command = [str(jvm), *flags, main, *arguments, str(self._properties)]
        return Program(command, {"CLASSPATH": ":".join(JARS.classpath(self._paths))}, self._paths.state)


def cluster_id() -> str:
    """A new uuid as Kafka spells it. It begins with a letter: Kafka's tool takes a dash for the next option."""
    first, *others = uuid.uuid4().bytes
    return base64.urlsafe_b64encode(bytes([first & 0x7F, *others])).rstrip(b"=").decode()
