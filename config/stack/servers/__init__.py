"""The servers of the local stack: one module a server, each a `config.stack.server.Server`."""

STANDARD = ("kafka", "namenode", "datanode", "mongo", "zookeeper", "nimbus", "supervisor")
"""Names of the servers that a plain `trends up` starts."""
OPTIONAL = ("postgres", "hive", "prometheus")
"""Names of the servers of feeds, and of Prometheus."""
SERVICES = ("archiver", "scheduler", "topology")
"""Names of what runs on them: no server and no feed has such a name."""
