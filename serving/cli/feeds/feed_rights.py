"""The rights of feeds on Kafka of the local secure stack, whose user may use no topic that nobody gave it."""

from collections.abc import Iterable

from config.errors import UnavailableError
from config.settings import Settings
from config.settings.secure_stack import secure_files
from config.stack.servers.secure.kafka_rights import Right, give, topic_rights
from ingest.feeds.declaration.model import NamedFeed, TopicSink


def grant_rights(settings: Settings, feeds: Iterable[NamedFeed]) -> None:
    """Let the user of a secure stack use the topics of feeds; another stack, or another broker, gets none of this.

    Raises `UnavailableError` where the broker does not answer.
    """
    files = secure_files(settings.stack)
    if files and not give(settings, files, rights_of(feeds)):
        raise UnavailableError("can't give rights", where="Kafka of the local stack", next_step="`trends up kafka`")


def rights_of(feeds: Iterable[NamedFeed]) -> list[Right]:
    """What feeds need: the right to their topics, and to those of copies, which a rebuild clears."""
    declared = [feed.declaration for feed in feeds]
    copies = [sink.topic for each in declared for sink in each.sinks.values() if isinstance(sink, TopicSink)]
    return [
        *topic_rights(each.topic.name for each in declared if each.topic),
        *topic_rights(copies, clears=True),
    ]
