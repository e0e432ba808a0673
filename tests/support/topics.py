"""Topics that an operator alters while everything runs."""

from confluent_kafka.admin import AdminClient, NewPartitions

from config.settings import KafkaSettings
from tests.support.wait import until


def widened(kafka: KafkaSettings, topic: str, partitions: int) -> tuple[int, int]:
    """Give a topic more partitions, as `kafka-topics --alter` does; how many it had, and how many Kafka says it has."""
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})

    def count() -> int:
        return len(admin.list_topics(topic, timeout=20).topics[topic].partitions)

    had = count()
    admin.create_partitions([NewPartitions(topic, partitions)])[topic].result(30)
    until(lambda: count() == partitions, lambda: f"{topic} has {count()} partitions", 30)
    return had, count()
