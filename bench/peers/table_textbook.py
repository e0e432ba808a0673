"""The textbook: a consumer that inserts and commits a row for each message. Arguments: see `table_input.task`."""

import json
from datetime import datetime
from zoneinfo import ZoneInfo

import psycopg

from bench.harness.subprocess_run import clocked, say
from bench.peers.table_input import consumer_of, first_message, messages, task

_PARIS = ZoneInfo("Europe/Paris")


def main() -> None:
    """Read, insert, commit; Kafka's client commits offsets by a timer."""
    given = task()
    consumer = consumer_of(given, **{"enable.auto.commit": True})
    with psycopg.connect(**given.login) as connection:  # type: ignore[arg-type] # parameters of libpq
        connection.execute("CREATE TABLE weather (date_time TIMESTAMP, msg_offset BIGINT, partition INT, value JSONB)")
        connection.commit()
        first = first_message(consumer)

        def insert() -> int:
            rows = 0
            for message in messages(consumer, first, given.size):
                moment = datetime.fromtimestamp(json.loads(message.value())["dt"], _PARIS).replace(tzinfo=None)
                connection.execute(
                    "INSERT INTO weather (date_time, msg_offset, partition, value) VALUES (%s, %s, %s, %s)",
                    (moment, message.offset(), message.partition(), message.value().decode()),
                )
                connection.commit()
                rows += 1
            return rows

        say(clocked(insert))
    consumer.close()


if __name__ == "__main__":
    main()
