"""Engine: one Spark session, which starts at its first use, starts again after a failure and closes on request.

The JVM is a child of this process and ends with it, even after a kill: it reads our end of a pipe. Its output goes to
`logs/spark.log` and `logs/spark-stderr.log` in the state folder, never to the user's terminal.
"""

import logging
import sys
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from subprocess import TimeoutExpired
from types import MappingProxyType
from typing import Any

from py4j.protocol import Py4JError
from pyspark import SparkConf, SparkContext
from pyspark.accumulators import AccumulatorTCPServer
from pyspark.errors import PySparkException
from pyspark.java_gateway import launch_gateway
from pyspark.sql import SparkSession

from config.errors import UnavailableError
from config.settings import HdfsSettings, SparkSettings
from config.settings.secrets import SECRET_KEY

log = logging.getLogger(__name__)
logging.getLogger("py4j").setLevel(logging.WARNING)

_ROOT = Path(__file__).parents[2]
_SHIPPED = ("batch_layer", "config", "ingest", "serving")
"""Packages that Python workers need."""


LONG_POSTS = 4_000_000
"""From this many on, Java's second compiler, which takes 10 s of CPU before it pays, makes even a first run faster."""


class Engine:
    """A Spark session that outlives single runs. One thread computes with it; any thread may cancel."""

    def __init__(
        self, spark: SparkSettings, hdfs: HdfsSettings, state: Path, more: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        """`more`: configuration of ours beside that of every session; `spark.conf` wins."""
        self._spark, self._hdfs, self._state, self._more = spark, hdfs, state.absolute(), more
        self._session: SparkSession | None = None
        self._gateway: Any = None

    @property
    def started(self) -> bool:
        """Whether there is a session, so a JVM."""
        return self._session is not None

    @property
    def log_path(self) -> Path:
        """Path of Spark's log."""
        return self._state / "logs" / "spark.log"

    def session(self, posts: int = 0) -> SparkSession:
        """The session, which takes about 5 s the first time. Raises `UnavailableError` where Spark can't start.

        `posts` is the number to read, if the caller knows it: many are worth Java's second compiler.
        """
        if self._session is not None and self._gateway.proc.poll() is not None:
            log.warning("Spark's JVM has died: starting it again")
            self.close()
        if self._session is None:
            self._session = self._start(posts)
        return self._session

    def cancel(self) -> None:
        """Cancel the current computation: its thread gets an error."""
        if self._session is not None:
            with suppress(Py4JError, OSError):
                self._session.sparkContext.cancelAllJobs()

    def close(self) -> None:
        """End the session and its JVM, even broken ones; a later `session` starts afresh."""
        if self._session is not None:
            with suppress(Py4JError, OSError, RuntimeWarning):  # a dead JVM does not answer
                self._session.stop()
        self._session = None
        self._end_jvm()

    def _start(self, posts: int) -> SparkSession:
        try:
            conf, shown = SparkConf(loadDefaults=False), SparkConf(loadDefaults=False)
            for name, value in configuration(self._spark, self._hdfs, self._state, posts, self._more).items():
                conf.set(name, value)
                if not SECRET_KEY.search(name):  # a process list shows the command line: a secret goes by the gateway
                    shown.set(name, value)
            self.log_path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            (self._state / "tmp").mkdir(mode=0o700, exist_ok=True)
            with self.log_path.with_name("spark-stderr.log").open("ab") as talk:
                self._gateway = launch_gateway(shown, {"stderr": talk, "stdout": talk})
            logging.getLogger().addFilter(_is_not_of_py4j)
            AccumulatorTCPServer.handle_error = _say_lost
            context = SparkContext(conf=conf, gateway=self._gateway)
            if is_local(self._spark.master):
                context.pythonExec = sys.executable
            else:
                context.addPyFile(str(_packages(self._state / "spark" / "packages.zip")))
        except (PySparkException, Py4JError, OSError) as error:
            self._end_jvm()
            raise UnavailableError(
                f"Spark did not start: {str(error).splitlines()[0][:300]}",
                where=self._spark.master,
                next_step=f"`trends doctor` checks Java; its log is {self.log_path}",
            ) from error
        return SparkSession(context)

    def _end_jvm(self) -> None:
        gateway, self._gateway = self._gateway, None
        # Spark keeps the gateway of a process for ever, also that of a dead JVM; there is no public way to replace it.
        SparkContext._gateway = SparkContext._jvm = None  # noqa: SLF001
        SparkContext._active_spark_context = None  # noqa: SLF001
        if gateway is None:
            return
        with suppress(Py4JError, OSError):
            gateway.shutdown()
        with suppress(OSError):
            gateway.proc.stdin.close()
        try:
            gateway.proc.wait(timeout=10)
        except TimeoutExpired:
            gateway.proc.kill()
            gateway.proc.wait()


def is_local(master: str) -> bool:
    """Whether Python workers run on this machine, in this environment."""
    return master == "local" or master.startswith("local[")


def configuration(
    spark: SparkSettings,
    hdfs: HdfsSettings,
    state: Path,
    posts: int,
    more: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, str]:
    """Spark's configuration for reading so many posts: ours, `more` of ours, then `spark.conf`, which wins."""
    timeout_ms = str(int(hdfs.timeout_s * 1000))
    ours = {
        "spark.master": spark.master,
        "spark.app.name": "trends",
        "spark.driver.memory": spark.driver_memory,
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.warehouse.dir": (state / "spark" / "warehouse").as_uri(),
        # Many small files: opening one takes as long as reading 100 kB of posts; list them with few tasks.
        "spark.sql.files.openCostInBytes": "100000",
        "spark.sql.sources.parallelPartitionDiscovery.parallelism": "4",
        # Rows alone limit a batch for Python: else Spark asks for the batch's size at each row, which takes 50 µs of a
        # post. Even 500 of the largest posts fit into memory.
        "spark.sql.execution.arrow.maxBytesPerBatch": str(2**31 - 1),
        "spark.sql.execution.arrow.maxRecordsPerBatch": "500",
        # The archive's file names are exact and its manifests are the truth: a missing file is an error.
        "spark.sql.files.ignoreMissingFiles": "false",
        "spark.sql.files.ignoreCorruptFiles": "false",
        # Spark gives up, in bounded time, on a NameNode or DataNode that does not answer.
        "spark.hadoop.ipc.client.connect.timeout": timeout_ms,
        "spark.hadoop.ipc.client.connect.max.retries": "3",
        "spark.hadoop.ipc.client.connect.max.retries.on.timeouts": "2",
        "spark.hadoop.ipc.client.rpc-timeout.ms": timeout_ms,
        "spark.hadoop.dfs.client.socket-timeout": timeout_ms,
    }
    if is_local(spark.master):
        ours |= {"spark.driver.bindAddress": "127.0.0.1", "spark.driver.host": "127.0.0.1"}
        ours |= {
            "spark.authenticate": "true"
        }  # by a secret that Spark makes: other users of the machine reach its ports
    if hdfs.auth == "kerberos":
        ours |= {"spark.hadoop.hadoop.security.authentication": "kerberos"}
        ours |= {"spark.kerberos.principal": hdfs.principal} if hdfs.principal else {}
        ours |= {"spark.kerberos.keytab": str(hdfs.keytab.expanduser())} if hdfs.keytab else {}
    java = [
        # One machine: a first run in a session costs 60 % of the CPU so, and sessions come and go.
        *(["-XX:+UseSerialGC"] if is_local(spark.master) else []),
        *(["-XX:TieredStopAtLevel=1"] if is_local(spark.master) and posts < LONG_POSTS else []),
        f"-Dlog4j2.configurationFile={(_ROOT / 'config' / 'spark' / 'log4j2.properties').as_uri()}",
        _quoted(f"-Dtrends.spark.log={state / 'logs' / 'spark.log'}"),
        *([] if "," in str(state) else [_quoted(f"-Djava.io.tmpdir={state / 'tmp'}")]),  # Spark would split it there
        *([] if hdfs.auth == "kerberos" else [f"-DHADOOP_USER_NAME={hdfs.user}"]),
        spark.conf.get("spark.driver.extraJavaOptions", ""),
    ]
    return ours | dict(more) | spark.conf | {"spark.driver.extraJavaOptions": " ".join(java).strip()}


def _quoted(option: str) -> str:
    """One of Java's options as `spark-submit` splits them: at blanks, unless quoted."""
    escaped = option.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _is_not_of_py4j(record: logging.LogRecord) -> bool:
    """Py4J writes errors to the root logger, with a traceback, and raises them as well."""
    return not str(record.msg).startswith("Exception while sending command")


def _say_lost(_server: AccumulatorTCPServer, _request: object, _client: object) -> None:
    """Replaces a traceback on the terminal when a JVM dies: the next call to it raises an error that says so."""
    log.debug("Spark's JVM has closed its connection for accumulators")


def _packages(target: Path) -> Path:
    """The packages as a zip for workers elsewhere."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for package in _SHIPPED:
            for path in sorted((_ROOT / package).rglob("*.py")):
                archive.write(path, path.relative_to(_ROOT))
    return target
