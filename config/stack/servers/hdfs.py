"""HDFS: one NameNode and one DataNode, from one shaded jar and the jars of the same Hadoop that pyspark brings."""

from pathlib import Path
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

import requests

from config.errors import UsageError
from config.settings import Settings
from config.settings.hdfs_session import PREFIX, base_url, open_session
from config.settings.secrets import write_private
from config.settings.secure_stack import secure_files
from config.stack.jars import java
from config.stack.jars.ivy import Artifact, spark_jars
from config.stack.jars.jar_cache import JarSet
from config.stack.paths import FILES, StackPaths, render_template
from config.stack.server import Address, Port, Program, address_of
from config.stack.servers import jmx_agent
from config.stack.servers.secure import material

HADOOP = "3.5.0"
JARS = JarSet(
    "hdfs",
    HADOOP,
    (("lib", (Artifact("org.apache.hadoop", "hadoop-client-minicluster", HADOOP, alone=True),)),),
    stored=True,
)
"""Jetty and Jersey each inflate this whole jar at every start, to find a few files in it: stored, that is cheap."""
BORROWED = (
    "hadoop-client-api",
    "hadoop-client-runtime",
    "slf4j-api",
    "jcl-over-slf4j",
    "log4j-1.2-api",
    "log4j-api",
    "log4j-core",
    "log4j-slf4j2-impl",
    "snappy-java",
)
"""Jars of pyspark on the classpath; it brings the same Hadoop."""
OWN_FOLDER = Path("/proc/self/cwd")
MAIN_NAME = "org.apache.hadoop.hdfs.server.namenode.NameNode"
RUNTIME = "java.lang:type=Runtime"
STATE = "Hadoop:service=NameNode,name=FSNamesystemState"


class _Hdfs:
    """The parts that both processes share: the data folder, the configuration, the classpath."""

    name: str
    jars = JARS

    def __init__(self, settings: Settings, paths: StackPaths) -> None:
        self._settings = settings
        self._paths = paths
        self._secure = secure_files(settings.stack)
        self._web = address_of(settings.hdfs.url, "hdfs.url")
        self._rpc = address_of(settings.hdfs.name_node, "hdfs.name_node")
        if self._web.here != self._rpc.here:
            raise UsageError(
                f"hdfs.url is {settings.hdfs.url} while hdfs.name_node is {settings.hdfs.name_node}",
                where="settings",
                next_step="Give both addresses of one NameNode",
            )

    def _environment(self) -> dict[str, str]:
        data, web, ipc = self._settings.stack.datanode_ports
        ports = {
            "HDFS_RPC_PORT": self._rpc.port,
            "HDFS_HTTP_PORT": self._web.port,
            "HDFS_DATA_PORT": data,
            "HDFS_DATA_HTTP_PORT": web,
            "HDFS_DATA_IPC_PORT": ipc,
        }
        return {name: str(port) for name, port in ports.items()} | {
            "HDFS_DATA_URI": self._uri(),
            "HDFS_TMP": str(Path(urlsplit(self._uri()).path) / "tmp"),
            "CLASSPATH": ":".join([*self._conf(), *JARS.classpath(self._paths), *_borrowed()]),
            "HADOOP_USER_NAME": self._settings.hdfs.user,
            "HDFS_HTTP_POLICY": "HTTPS_ONLY" if self._secure else "HTTP_ONLY",
        }

    def _conf(self) -> list[str]:
        """The folders of its configuration; that of a secure one, with a password in it, counts first."""
        own = [str(self._paths.conf(self.name))] if self._secure else []
        return [*own, str(FILES / "hdfs")]

    def _write_key(self) -> None:
        """Write where the key of a secure WebHDFS is, and its password."""
        if self._secure:
            values = {"store": self._secure.server_store, "password": self._secure.password("store")}
            escaped = {name: escape(str(value)) for name, value in values.items()}
            write_private(
                self._paths.conf(self.name) / "ssl-server.xml", render_template("hdfs/ssl-server.xml", **escaped)
            )

    def _uri(self) -> str:
        """The data folder as Hadoop takes it: a URI.

        The DataNode breaks where that has a `%`. Each server runs in the state folder, which Linux also calls
        /proc/self/cwd: so no part of the path needs one.
        """
        data = self._paths.data("hdfs")
        plain = data.as_uri()
        if "%" not in plain or not OWN_FOLDER.is_dir():
            return plain
        return (OWN_FOLDER / data.relative_to(self._paths.state)).as_uri()

    def _daemon(self, jvm: Path, name: str, main: str) -> Program:
        """A server, with its agent where the settings ask for one."""
        return self._java(jvm, 384, *jmx_agent.agent_options(self._settings, self._paths, name, "hdfs"), main)

    def _java(self, jvm: Path, heap_mb: int, *arguments: str) -> Program:
        options = [*java.flags(self._paths.scratch, heap_mb), "-Djava.net.preferIPv4Stack=true"]
        key = material.serial(self._secure) if self._secure else ""
        return Program([str(jvm), *options, *arguments], self._environment(), self._paths.state, key)

    def _ask(self, url: str, bean: str) -> requests.Response:
        """One of the beans that a server tells, at the address of its web server."""
        return open_session(self._settings.hdfs).get(f"{url}/jmx", params={"qry": bean}, timeout=2)

    def _state(self) -> dict[str, object]:
        """The NameNode's metrics of the file system; empty where it does not answer."""
        try:
            answer = self._ask(base_url(self._settings.hdfs), STATE).json()
            beans: list[dict[str, object]] = answer.get("beans", [])
        except (requests.RequestException, ValueError):
            return {}
        return beans[0] if beans else {}

    def _serves_elsewhere(self) -> bool:
        """Whether HDFS elsewhere answers by WebHDFS: HttpFS and Knox have no metrics of the NameNode."""
        if self._web.here:
            return False
        root = f"{base_url(self._settings.hdfs)}{PREFIX}/"
        try:
            return open_session(self._settings.hdfs).get(root, params={"op": "GETFILESTATUS"}, timeout=2).ok
        except requests.RequestException:
            return False


class NameNode(_Hdfs):
    """The NameNode at `hdfs.url` and `hdfs.name_node`."""

    name = "namenode"

    @property
    def address(self) -> str:
        """Its WebHDFS address."""
        return str(self._web)

    def ports(self) -> list[Port]:
        """WebHDFS, RPC, and that of its metrics."""
        if not self._web.here:
            return []
        own = [Port(self._web.port, "hdfs.url"), Port(self._rpc.port, "hdfs.name_node")]
        return [*own, *jmx_agent.agent_ports(self._settings, self.name)]

    def prepare(self, jvm: Path) -> None:
        """Format where there is no file system yet."""
        jmx_agent.fetch_agent(self._settings, self._paths)
        self._write_key()
        name = self._paths.data("hdfs") / "name"
        if not (name / "current" / "VERSION").is_file():
            name.mkdir(parents=True, exist_ok=True)
            self._java(jvm, 256, MAIN_NAME, "-format", "-nonInteractive", "-force", "-clusterId", "trends").run(
                self.name
            )

    def program(self, jvm: Path) -> Program:
        """The NameNode."""
        return self._daemon(jvm, self.name, MAIN_NAME)

    def ready(self) -> bool:
        """Whether it answers. Writable it is with its DataNode."""
        return bool(self._state()) or self._serves_elsewhere()


class DataNode(_Hdfs):
    """The DataNode of that NameNode."""

    name = "datanode"

    @property
    def address(self) -> str:
        """Where clients read and write blocks; unknown to us where HDFS runs elsewhere."""
        return str(Address("127.0.0.1", self._settings.stack.datanode_ports[0])) if self.ports() else ""

    def ports(self) -> list[Port]:
        """Data, http, ipc, and that of its metrics."""
        if not self._web.here:
            return []
        own = [Port(port, "stack.datanode_ports") for port in self._settings.stack.datanode_ports]
        return [*own, *jmx_agent.agent_ports(self._settings, self.name)]

    def prepare(self, jvm: Path) -> None:  # noqa: ARG002 - other servers run Java here
        """Make its data folder."""
        jmx_agent.fetch_agent(self._settings, self._paths)
        self._write_key()
        (self._paths.data("hdfs") / "blocks").mkdir(parents=True, exist_ok=True)

    def program(self, jvm: Path) -> Program:
        """The DataNode."""
        return self._daemon(jvm, self.name, "org.apache.hadoop.hdfs.server.datanode.DataNode")

    def ready(self) -> bool:
        """Whether the NameNode lists it as live and lets write, and it answers itself: that list lags by minutes."""
        if self._serves_elsewhere():
            return True
        state = self._state()
        if self.ports() and not self._web_server_answers():
            return False
        return state.get("FSState") == "Operational" and int(str(state.get("NumLiveDataNodes", 0))) > 0

    def _web_server_answers(self) -> bool:
        scheme = "https" if self._secure else "http"
        try:
            return self._ask(f"{scheme}://127.0.0.1:{self._settings.stack.datanode_ports[1]}", RUNTIME).ok
        except requests.RequestException:
            return False


def _borrowed() -> list[str]:
    folder = spark_jars()
    return [str(next(iter(sorted(folder.glob(f"{name}-[0-9]*.jar"))))) for name in BORROWED]
