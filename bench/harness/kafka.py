"""Kafka, as benches fill topics and read them back to judge a result."""

import time
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator

from confluent_kafka import Consumer, KafkaError, Message, Producer, TopicPartition

from config.errors import UnavailableError
from config.settings import KafkaSettings
from ingest.kafka.topics import COMPRESSION
from ingest.wire import decode_use

Bytes = tuple[str, bytes, bytes]
"""Topic, value, key."""
_TRANSACTION = 20_000
_QUIET_S = 30.0


def fill(settings: KafkaSettings, messages: Iterable[Bytes]) -> int:
    """Write messages as the platform's producer does, in transactions; how many."""
    producer = Producer(producer_config(settings) | {"transactional.id": f"bench-{uuid.uuid4().hex}"})
    producer.init_transactions(30)
    count = 0
    producer.begin_transaction()
    for count, message in enumerate(messages, 1):
        produce(producer, *message)
        if not count % _TRANSACTION:
            producer.commit_transaction(60)
            producer.begin_transaction()
    producer.commit_transaction(60)
    return count


def producer_config(settings: KafkaSettings) -> dict[str, object]:
    """The platform's compression, and otherwise a producer that loses nothing."""
    return {
        "bootstrap.servers": settings.bootstrap,
        "compression.type": COMPRESSION,
        "enable.idempotence": True,
        "linger.ms": 5,
        "queue.buffering.max.messages": 200_000,
        "queue.buffering.max.kbytes": 262_144,
    }


def produce(producer: Producer, topic: str, value: bytes, key: bytes) -> None:
    """Produce, and wait where there is no room."""
    while True:
        try:
            producer.produce(topic, value, key)
        except BufferError:
            producer.poll(0.1)
        else:
            return


def read_all(settings: KafkaSettings, topic: str, isolation: str = "read_committed") -> Iterator[Message]:
    """Every message that is there now. Raises `UnavailableError` where the topic's ends do not come."""
    consumer = Consumer(
        {
            "bootstrap.servers": settings.bootstrap,
            "group.id": f"bench-{uuid.uuid4().hex}",
            "enable.auto.commit": False,
            "isolation.level": isolation,
            "enable.partition.eof": True,
        }
    )
    try:
        partitions = consumer.list_topics(topic, timeout=_QUIET_S).topics[topic].partitions
        consumer.assign([TopicPartition(topic, number, 0) for number in partitions])
        ended: set[int] = set()
        deadline = time.monotonic() + _QUIET_S
        while len(ended) < len(partitions):
            found = consumer.consume(10_000, 0.1)
            if found:
                deadline = time.monotonic() + _QUIET_S
            elif time.monotonic() > deadline:
                raise UnavailableError(f"nothing came within {_QUIET_S:.0f} s", where=topic)
            for message in found:
                if message.error() is None:
                    yield message
                elif message.error().code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - its name
                    ended.add(message.partition())
    finally:
        consumer.close()


def counted(settings: KafkaSettings) -> Counter[tuple[str, str]]:
    """The uses that a reader of `hashtags` sees, by hour and tag."""
    found: Counter[tuple[str, str]] = Counter()
    for message in read_all(settings, settings.hashtags):
        use = decode_use(message.value())
        found[use.hour, use.tag] += 1
    return found


def differing(found: Counter[tuple[str, str]], wanted: Counter[tuple[str, str]]) -> int:
    """Uses that are too many or too few."""
    return (found - wanted).total() + (wanted - found).total()
