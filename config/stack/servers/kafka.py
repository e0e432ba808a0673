"""One Kafka broker in KRaft mode, its own controller."""

import base64
import json
import uuid
from pathlib import Path

from config.settings import Settings
from config.settings.kafka_problems import connects
from config.settings.secrets import write_private
from config.settings.secure_stack import SCRAM, USER, secure_files
from config.stack.jars import java
from config.stack.jars.ivy import Artifact
from config.stack.jars.jar_cache import JarSet
from config.stack.paths import FILES, StackPaths, property_value, render_template
from config.stack.server import Address, Port, Program, address_of
from config.stack.servers import jmx_agent
from config.stack.servers.secure import kafka_rights, material
from config.stack.servers.secure.kafka_rights import OWNER

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
        self._secure = secure_files(settings.stack)
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
        jmx_agent.fetch_agent(self._settings, self._paths)
        data = self._paths.data(self.name)
        here = property_value(data.relative_to(self._paths.state))  # its list of folders has no quotes for a comma
        values = {
            "port": self._at().port,
            "controller": self._settings.stack.kafka_controller_port,
            "data": here,
            "protocol": "SASL_SSL" if self._secure else "PLAINTEXT",
        }
        text = render_template("kafka/server.properties") + render_template("kafka/local.properties", **values)
        write_private(self._properties, text + self._security())
        if (data / "meta.properties").is_file():
            return
        data.mkdir(parents=True, exist_ok=True)
        self._format(jvm)

    def program(self, jvm: Path) -> Program:
        """The broker."""
        options = jmx_agent.agent_options(self._settings, self._paths, self.name, "kafka")
        return self._java(jvm, *options, "kafka.Kafka", str(self._properties))

    def set_up(self) -> bool:
        """Give the user of a secure broker its rights, once it answers."""
        if not self._secure or not self.ports():
            return True
        return connects(self._settings.kafka) and kafka_rights.give(self._settings, self._secure)

    def ready(self) -> bool:
        """Whether the broker names itself in its metadata."""
        return connects(self._settings.kafka)

    def _security(self) -> str:
        """The properties of a secure broker."""
        if not self._secure:
            return ""
        values = {f"{user}_password": self._secure.password(f"kafka-{user}") for user in (OWNER, "controller")}
        files = {
            name: property_value(path) for name, path in (("ca", self._secure.ca), ("server", self._secure.server))
        }
        return render_template("kafka/secure.properties", **values, **files)

    def _format(self, jvm: Path) -> None:
        """Format the log folder. A secure broker knows its users from here on: it has to authenticate its first client.

        Their passwords are in a file of arguments, so in no process list.
        """
        tool = ["kafka.tools.StorageTool", "format", "--standalone", "-t", cluster_id(), "-c", str(self._properties)]
        if not self._secure:
            self._java(jvm, *tool).run(self.name)
            return
        for user in (OWNER, USER):
            password = self._secure.password(f"kafka-{user}")
            tool += ["--add-scram", f"{SCRAM}=[name={user},password={password}]"]
        arguments = self._paths.conf(self.name) / "format.arguments"
        try:
            write_private(arguments, "\n".join(json.dumps(argument, ensure_ascii=False) for argument in tool))
            self._java(jvm, f"@{arguments}").run(self.name)
        finally:
            arguments.unlink(missing_ok=True)

    def _java(self, jvm: Path, *arguments: str) -> Program:
        log4j = f"-Dlog4j2.configurationFile={(FILES / 'kafka' / 'log4j2.yaml').as_uri()}"
        command = [str(jvm), *java.flags(self._paths.scratch, 512, 128), log4j, *arguments]
        environment = {"CLASSPATH": ":".join(JARS.classpath(self._paths))}
        return Program(command, environment, self._paths.state, material.serial(self._secure) if self._secure else "")


def cluster_id() -> str:
    """A new uuid as Kafka spells it. It begins with a letter: Kafka's tool takes a dash for the next option."""
    first, *others = uuid.uuid4().bytes
    return base64.urlsafe_b64encode(bytes([first & 0x7F, *others])).rstrip(b"=").decode()
