"""What a feed needs of the local stack."""

from ingest.feeds.declaration.model import HdfsSink, HiveSink, NamedFeed, PostgresSink

_SERVERS = {
    PostgresSink: ("postgres",),
    HdfsSink: ("namenode", "datanode"),
    HiveSink: ("namenode", "datanode", "postgres", "hive"),
}


def servers_of(feed: NamedFeed) -> list[str]:
    """The names of the servers that the feed's parts talk to, Kafka first."""
    named = [server for sink in feed.declaration.sinks.values() for server in _SERVERS.get(type(sink), ())]
    return list(dict.fromkeys(["kafka", *named]))
