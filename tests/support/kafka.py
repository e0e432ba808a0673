"""What a reader of committed messages finds, read without the project's own code."""

from collections.abc import Mapping

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Message, TopicPartition


def committed(bootstrap: str, topic: str, login: Mapping[str, str] | None = None) -> list[Message]:
    """All committed messages of a topic, partition after partition; `login`: the options of a user of the broker."""
    consumer = Consumer(
        {
            **(login or {}),
            "bootstrap.servers": bootstrap,
            "group.id": "reads-once",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "fetch.wait.max.ms": 10,  # an end is told of by an empty answer: while posts come in, only a quick one is
        }
    )
    try:
        partitions = consumer.list_topics(topic, timeout=20).topics[topic].partitions
        consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in partitions])
        left, found = set(partitions), []
        while left:
            for message in consumer.consume(5_000, timeout=0.2):
                if message.error() is None:
                    found.append(message)
                elif message.error().code() == KafkaError._PARTITION_EOF:
                    left.discard(message.partition())
                else:
                    raise AssertionError(message.error())
        return found
    finally:
        consumer.close()
