"""A topic that is deleted and created again under its name, and the proof that it is another one."""

from collections.abc import Sequence

from confluent_kafka.admin import AdminClient

from config.settings import Settings
from ingest.kafka.topic_ids import TopicIds
from ingest.kafka.topics import TopicSpec, core_topics, create_topics
from tests.support.wait import until


def recreate(settings: Settings, topic: str, specs: Sequence[TopicSpec] = ()) -> tuple[str, str]:
    """Delete and create a topic: one of `specs`, or else of the core. Its id before and now, which differ."""
    ids = TopicIds(settings.kafka)
    before = ids.of(topic)
    admin = AdminClient({"bootstrap.servers": settings.kafka.bootstrap})
    admin.delete_topics([topic])[topic].result(30)
    until(lambda: topic not in admin.list_topics(timeout=10).topics, lambda: f"{topic} is still there", 30)
    create_topics(settings.kafka, specs or core_topics(settings.kafka))
    now = ids.of(topic)
    assert before, "the broker gives topics no ids"
    assert now, "the broker gives topics no ids"
    assert before != now, "the topic was not recreated"
    return before, now
