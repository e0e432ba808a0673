"""Hive: Spark's Thrift server, which speaks the protocol of HiveServer2, on HDFS and with its metastore in PostgreSQL.

It comes with pyspark; only the driver of PostgreSQL is another jar. Its metastore is inside of it, so that nothing else
listens.
"""

import socket
from pathlib import Path
from xml.sax.saxutils import escape

from config.errors import TrendsError
from config.settings import Settings
from config.settings.logins import LOCAL_HOST, hive_login
from config.settings.secrets import write_private
from config.stack.jars import java
from config.stack.jars.ivy import Artifact, spark_jars
from config.stack.jars.jar_cache import JarSet
from config.stack.paths import FILES, StackPaths, render_template
from config.stack.polling import wait_until
from config.stack.server import Address, Port, Program, Server, address_of
from config.stack.servers import jmx_agent, metastore
from config.stack.servers.hdfs import DataNode
from config.stack.servers.postgres import Postgres

NEEDS = ("postgres", "namenode", "datanode")
"""Servers that it can't start without."""
DRIVER = "42.7.14"
JARS = JarSet(
    "spark", f"postgresql-{DRIVER}", (("lib", (Artifact("org.postgresql", "postgresql", DRIVER, alone=True),)),)
)
FOREIGN = (
    "HADOOP_USER_NAME",
    "HIVE_SERVER2_THRIFT_BIND_HOST",
    "HIVE_SERVER2_THRIFT_PORT",
    "SPARK_LOCAL_DIRS",
    "SPARK_LOCAL_IP",
)
"""Variables of the caller's shell that would count more than our configuration. The first of them, even our own value,
Hive takes for a user to impersonate, which HDFS refuses."""
MAIN = "org.apache.spark.sql.hive.thriftserver.HiveThriftServer2"
WAIT_S = 60.0
"""Longest wait for the servers that it needs."""
ANSWER_S = 2
OPENED = (
    *("java.lang", "java.lang.invoke", "java.lang.reflect", "java.io", "java.net", "java.nio", "java.util"),
    *("java.util.concurrent", "java.util.concurrent.atomic", "jdk.internal.ref", "sun.nio.ch", "sun.nio.cs"),
    *("sun.security.action", "sun.util.calendar"),
)
"""Packages of Java that Spark looks into: those of its own `JavaModuleOptions`."""


class Hive:
    """The Thrift server, unless `hive.uri` names a HiveServer2."""

    name = "hive"

    def __init__(self, settings: Settings, paths: StackPaths) -> None:
        self._settings = settings
        self._paths = paths
        elsewhere = settings.hive.uri
        self._at = address_of(elsewhere, "hive.uri") if elsewhere else Address(LOCAL_HOST, settings.stack.hive_port)

    @property
    def jars(self) -> JarSet | None:
        """The driver of PostgreSQL, where it is ours to start."""
        return JARS if self.ports() else None

    @property
    def address(self) -> str:
        """Where clients find it."""
        return str(self._at)

    def ports(self) -> list[Port]:
        """The one of its Thrift protocol, and that of its metrics."""
        if self._settings.hive.uri:
            return []
        return [Port(self._at.port, "stack.hive_port"), *jmx_agent.agent_ports(self._settings, self.name)]

    def prepare(self, jvm: Path) -> None:
        """Wait for the servers that it needs, make the metastore's schema once, and write its configuration."""
        jmx_agent.fetch_agent(self._settings, self._paths)
        (driver,) = JARS.classpath(self._paths)
        for server in (Postgres(self._settings, self._paths), DataNode(self._settings, self._paths)):
            _await(server)
        metastore.prepare(self._settings, self._paths, jvm, driver)
        values = metastore.jdbc_values(self._settings) | {"port": str(self._at.port), "warehouse": self._warehouse()}
        text = render_template("spark/hive-site.xml", **{name: escape(value) for name, value in values.items()})
        write_private(self._paths.conf(self.name) / "hive-site.xml", text)

    def program(self, jvm: Path) -> Program:
        """The server, without Spark's launcher: a JVM less."""
        properties = [f"-D{name}={value}" for name, value in self._properties().items()]
        opened = [f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in OPENED]
        classes = [str(self._paths.conf(self.name)), f"{spark_jars()}/*", *JARS.classpath(self._paths)]
        environment: dict[str, str | None] = {**dict.fromkeys(FOREIGN), "CLASSPATH": ":".join(classes)}
        agent = jmx_agent.agent_options(self._settings, self._paths, self.name, "spark")
        flags = [*java.flags(self._paths.scratch, 700), *agent]
        postgres = [self._settings.postgres.url.get_secret_value(), str(self._settings.stack.postgres_port)]
        command = [str(jvm), *flags, *opened, *properties, MAIN]
        return Program(command, environment, self._paths.scratch, restart_key=" ".join([*postgres, self.address]))

    def ready(self) -> bool:
        """Whether it answers a query."""
        try:
            socket.create_connection((self._at.host, self._at.port), timeout=2).close()  # its client logs each failure
        except OSError:
            return False
        from config.settings.connections.hive_session import Session  # noqa: PLC0415 - every other command would wait for it

        try:
            with Session(hive_login(self._settings), ANSWER_S) as session:
                session.cursor.execute("SELECT 1")
                rows: list[tuple[int]] = session.cursor.fetchall()
        except Exception:  # noqa: BLE001 - of Thrift, SASL, sockets and impyla: each means that it does not serve
            return False
        return rows == [(1,)]

    def _warehouse(self) -> str:
        return f"{self._settings.hdfs.name_node}{self._settings.hive.warehouse}"

    def _properties(self) -> dict[str, object]:
        return {
            "spark.app.name": "Hive of trends",
            "spark.master": "local[2]",
            "spark.ui.enabled": "false",
            "spark.local.dir": ".",  # the folder that it runs in: Spark splits a path at commas
            "spark.authenticate": "true",  # by a secret that Spark makes: other users of the machine reach its ports
            "spark.driver.bindAddress": LOCAL_HOST,
            "spark.driver.host": LOCAL_HOST,
            "spark.hadoop.fs.defaultFS": self._settings.hdfs.name_node,
            "spark.hadoop.dfs.client.use.datanode.hostname": "true",
            "spark.sql.warehouse.dir": self._warehouse(),
            "spark.sql.shuffle.partitions": "2",
            "spark.sql.session.timeZone": "UTC",
            # By default a session that has read a table once never sees the files that others add.
            "spark.sql.filesourceTableRelationCacheSize": "0",
            "spark.sql.hive.filesourcePartitionFileCacheSize": "0",
            "HADOOP_USER_NAME": self._settings.hdfs.user,
            "user.timezone": "UTC",
            "java.net.preferIPv4Stack": "true",
            "log4j2.configurationFile": (FILES / "spark" / "thrift-server.properties").as_uri(),
        }


def _await(server: Server) -> None:
    """Wait for a server that is starting. Raises `TrendsError` after `WAIT_S`."""
    timeout = TrendsError(
        f"{server.name} does not serve after {WAIT_S:.0f} s",
        where="hive",
        next_step=f"See `trends logs {server.name}`, then `trends up hive`",
    )
    wait_until(server.ready, WAIT_S, every_s=0.4, timeout=timeout)
