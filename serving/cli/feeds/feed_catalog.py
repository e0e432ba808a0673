"""The feeds by name, for commands."""

from collections.abc import Sequence

from config.settings import Settings
from config.stack.servers import OPTIONAL, SERVICES, STANDARD
from ingest.feeds.declaration.catalog import Catalog
from ingest.feeds.declaration.model import NamedFeed
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
