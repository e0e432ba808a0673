"""JMX agent: exports the metrics of a Java server to Prometheus, on a loopback port, where `stack.metrics` asks for it.

The rules of each kind of server are in `config/<server>/jmx.yml`. They name each metric: an agent without rules exports
some ten thousand series of one broker.
"""

import threading

from config.settings import Settings
from config.settings.logins import LOCAL_HOST
from config.stack.jars.ivy import Artifact
from config.stack.jars.jar_cache import JarSet, fetch
from config.stack.paths import FILES, StackPaths
from config.stack.server import Port

VERSION = "1.0.1"
JARS = JarSet(
    "kafka",
    f"jmx-{VERSION}",
    (("lib", (Artifact("io.prometheus.jmx", "jmx_prometheus_javaagent", VERSION, alone=True),)),),
    list_name="jmx-jars.txt",
)
SERVERS = ("kafka", "namenode", "datanode", "nimbus", "supervisor", "hive")
"""The servers that have an agent, in the order of `stack.jmx_ports`."""
_one = threading.Lock()
"""Several servers prepare at once; one of them downloads."""


def agent_ports(settings: Settings, server: str) -> list[Port]:
    """The port of a server's agent; none where the settings ask for none."""
    if not settings.stack.metrics or server not in SERVERS:
        return []
    return [Port(settings.stack.jmx_ports[SERVERS.index(server)], "stack.jmx_ports")]


def agent_options(settings: Settings, paths: StackPaths, server: str, rules: str) -> list[str]:
    """Options of Java that load the agent with the rules in `config/<rules>/jmx.yml`."""
    (jar,) = JARS.classpath(paths)
    at = agent_ports(settings, server)
    return [f"-javaagent:{jar}={LOCAL_HOST}:{port.number}:{FILES / rules / 'jmx.yml'}" for port in at]


def fetch_agent(settings: Settings, paths: StackPaths) -> None:
    """Have the agent in the cache, where the settings ask for it. Raises as `fetch` does."""
    if settings.stack.metrics:
        with _one:
            fetch(JARS, paths, lambda _: None)
