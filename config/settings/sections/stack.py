"""Settings of the local stack."""

from pathlib import Path

from pydantic import Field

from config.settings.section import Section


class StackSettings(Section):
    """The local stack. It does not start a server whose address above is not on this machine."""

    state: Path = Path("state")
    """Folder of the servers' data, logs and sockets."""
    cache: Path | None = None
    """Folder of the servers' jars; the user's cache folder by default."""
    jars_mirror: str = Field(default="", pattern=r"^(https?://[^@\s]+)?$")
    """Address of a Maven repository to take the jars from, in place of Maven Central; no login in it."""
    port_offset: int = Field(default=0, ge=0, le=20_000)
    """Added to every default port of this machine, below and in the other sections. A port that you set stays."""
    secure: bool | None = None
    """Whether the servers ask for passwords, over TLS. Unset: as the first `trends up` of this state folder did, which
    `--secure` made so. Servers with data never change from one to the other."""
    kafka_controller_port: int = 9093
    """Kafka's controller."""
    datanode_ports: tuple[int, int, int] = (9866, 9864, 9867)
    """DataNode: data, http, ipc."""
    zookeeper_port: int = 2181
    """ZooKeeper, for Storm."""
    storm_supervisor_port: int = 6628
    """Storm supervisor's thrift server."""
    storm_worker_ports: tuple[int, ...] = (6700, 6701)
    """Storm worker slots."""
    postgres_port: int = 5432
    """PostgreSQL, unless `postgres.url` names another."""
    hive_port: int = 10000
    """Spark's Thrift server, unless `hive.uri` names another HiveServer2."""
    metrics: bool = False
    """Export the metrics of the Java servers to Prometheus, at `stack.jmx_ports`."""
    jmx_ports: tuple[int, int, int, int, int, int] = (9404, 9405, 9406, 9407, 9408, 9409)
    """Metrics of Kafka, NameNode, DataNode, nimbus, Storm supervisor, Hive."""
    prometheus: Path | None = None
    """The program of Prometheus; by default the one on PATH."""
    prometheus_port: int = 9090
    """Prometheus, which `trends up prometheus` starts."""
