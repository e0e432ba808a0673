"""Rights: what the user `trends` may do on the broker of a secure stack. The broker alone may do everything.

They are for the topics and groups that the settings name, and for the names that sources and feeds give their groups
and transactions. A record of what was given spares the broker the question.
"""

import json
import logging
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from config.settings import KafkaSettings, Settings, TopsSettings
from config.settings.live import live_sections
from config.settings.secrets import write_private
from config.settings.secure_stack import USER, SecureFiles

logger = logging.getLogger(__name__)

OWNER = "broker"
"""The user that the broker itself has: the only one that may do everything."""
ANSWER_S = 5.0
SPEED_GROUP = "speed"
"""The group of the speed layer."""
SOURCES = ("file:", "sample")
"""How the transactional ids of sources begin, beside those of live services, each of which begins with its name."""
FEEDS = ("feed/", "feed-copy/")
FEED_GROUPS = ("feed.", "spark-kafka-")
"""How the groups of feeds begin, and those that Spark's Kafka source makes up."""

Right = tuple[str, str, str, str]
"""Kind of the resource, its name, whether that is the whole name (`LITERAL`) or its beginning (`PREFIXED`), the act."""


def rights_of(settings: KafkaSettings) -> list[Right]:
    """What the platform needs for these names."""
    topics = (settings.posts, settings.hashtags, settings.rejects, settings.cursors)
    groups = (settings.archive_group, SPEED_GROUP, f"{settings.rejects}.retry")
    return [
        *topic_rights(topics),
        *(("GROUP", name, "LITERAL", "READ") for name in groups),
        *(("GROUP", name, "PREFIXED", "READ") for name in FEED_GROUPS),
        ("TRANSACTIONAL_ID", f"{settings.rejects}.retry", "LITERAL", "WRITE"),
        *(("TRANSACTIONAL_ID", name, "PREFIXED", "WRITE") for name in (*SOURCES, *FEEDS, *live_sections())),
    ]


def rights_of_tops(settings: TopsSettings) -> list[Right]:
    """What the batch layer needs for the topic of finished hours; nothing where it writes none."""
    if not settings.enabled:
        return []
    return [
        *topic_rights([settings.topic]),
        ("TOPIC", settings.topic, "LITERAL", "DESCRIBE_CONFIGS"),
        ("TRANSACTIONAL_ID", settings.topic, "LITERAL", "WRITE"),
    ]


def topic_rights(names: Iterable[str], *, clears: bool = False) -> list[Right]:
    """The rights to make, write and read topics, each as its own group of readers; `clears`: to delete records too."""
    acts = ("CREATE", "READ", "WRITE", *(("DELETE",) if clears else ()))
    topics = list(names)
    return [
        *(("TOPIC", name, "LITERAL", act) for name in topics for act in acts),
        *(("GROUP", f"{name}.reader", "LITERAL", "READ") for name in topics),
    ]


def missing(settings: Settings, rights: Iterable[Right]) -> list[Right]:
    """Those that nobody has given yet to the broker's present data."""
    given = set(_known_rights(settings))
    return [right for right in rights if right not in given]


def give(settings: Settings, files: SecureFiles, wanted: Iterable[Right] = ()) -> bool:
    """Give the rights that these settings need, and `wanted`, unless they are there. Tells whether they are now."""
    rights = missing(settings, [*rights_of(settings.kafka), *rights_of_tops(settings.tops), *wanted])
    if not rights or not is_ours(settings.kafka, files):
        return True
    login = {"sasl.username": OWNER, "sasl.password": files.password(f"kafka-{OWNER}"), "log_level": 0}
    broker = AdminClient({**settings.kafka.connection, **login}, logger=logger)
    try:
        for answer in broker.create_acls([_binding(right) for right in rights], request_timeout=ANSWER_S).values():
            answer.result()
    except KafkaException:  # it starts: `ready` asks again
        return False
    given = sorted({*rights, *_known_rights(settings)})
    write_private(_record(settings), json.dumps({"data": _data(settings), "rights": given}))
    return True


def is_ours(kafka: KafkaSettings, files: SecureFiles) -> bool:
    """Whether the settings lead to the broker of this stack, with the login that it has given."""
    return kafka.connection.get("ssl.ca.location") == str(files.ca)


def _binding(right: Right) -> AclBinding:
    kind, name, pattern, act = right
    return AclBinding(
        ResourceType[kind],
        name,
        ResourcePatternType[pattern],
        f"User:{USER}",
        "*",
        AclOperation[act],
        AclPermissionType.ALLOW,
    )


def _known_rights(settings: Settings) -> Iterator[Right]:
    try:
        record: dict[str, Any] = json.loads(_record(settings).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return
    if record.get("data") == _data(settings):
        yield from ((kind, name, pattern, act) for kind, name, pattern, act in record["rights"])


def _data(settings: Settings) -> str:
    """The identity of the broker's data: new data knows no right."""
    file = settings.stack.state.expanduser().absolute() / "data" / "kafka" / "meta.properties"
    return file.read_text(encoding="utf-8") if file.is_file() else ""


def _record(settings: Settings) -> Path:
    return SecureFiles.of(settings.stack).folder / "kafka-rights.json"
