"""The feeds by name, for commands."""

from collections.abc import Sequence

from config.settings import Settings
from config.stack.servers import OPTIONAL, SERVICES, STANDARD
from ingest.feeds.declaration.catalog import Catalog
from ingest.feeds.declaration.model import NamedFeed, TopicSink
from ingest.feeds.declaration.variables import assignments


def catalog(settings: Settings) -> Catalog:
    """All feeds. None may have the name of a server or service."""
    return Catalog(settings, frozenset({*STANDARD, *OPTIONAL, *SERVICES}))


def load_feed(settings: Settings, name: str, values: Sequence[str], *, lenient: bool = False) -> NamedFeed:
    """A feed by its name or the path of its file. `lenient`: variables without a value do not matter here.

    Raises `UsageError`.
    """
    return catalog(settings).feed(name, assignments(values), lenient=lenient)


def servers_of_feeds(settings: Settings, names: Sequence[str]) -> list[str]:
    """The servers that feeds need."""
    from batch_layer.feeds.needs import servers_of

    found = catalog(settings)
    return list(dict.fromkeys(server for name in names for server in servers_of(found.feed(name, {}))))


def rights_of_feeds(settings: Settings, names: Sequence[str]) -> list[tuple[str, str, str, str]]:
    """What the user of a secure stack needs on Kafka for feeds: the right to their topics, and to those of copies."""
    from config.stack.servers.secure.kafka_rights import topic_rights

    declared = [catalog(settings).feed(name, {}).declaration for name in names]
    copies = [sink.topic for each in declared for sink in each.sinks.values() if isinstance(sink, TopicSink)]
    return [
        *topic_rights(each.topic.name for each in declared if each.topic),
        *topic_rights(copies, clears=True),
    ]
