"""A plain consumer that folds its input: the ceiling. Arguments: brokers, topic, URI, database. Runs on and on."""

import uuid
from collections import Counter

import msgspec
from confluent_kafka import Consumer

from bench.harness.subprocess_run import arguments
from bench.peers.folded import database_of, rows

AT_ONCE = 50_000
WAIT_S = 0.05


class _Use(msgspec.Struct):
    hour: str
    tag: str


def main() -> None:
    """Read, fold, write, and then commit the offsets."""
    brokers, topic, uri, database = arguments()
    uses = database_of(uri, database)["uses"]
    consumer = Consumer(
        {
            "bootstrap.servers": brokers,
            "group.id": f"plain-{uuid.uuid4().hex}",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "fetch.wait.max.ms": 50,
        }
    )
    consumer.subscribe([topic])
    decode = msgspec.json.Decoder(_Use).decode
    while True:
        found = [message.value() for message in consumer.consume(AT_ONCE, WAIT_S) if message.error() is None]
        if found:
            uses.bulk_write(rows(Counter((use.hour, use.tag) for use in map(decode, found))), ordered=False)
            consumer.commit(asynchronous=True)


if __name__ == "__main__":
    main()
