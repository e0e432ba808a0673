"""A bare loop: consume, decode, encode, append to one local file. Arguments: brokers, topic, size."""

import json
import tempfile
from datetime import datetime
from zoneinfo import ZoneInfo

from bench.harness.subprocess_run import arguments, clocked, say
from bench.peers.table_input import Task, consumer_of, first_message, messages

_PARIS = ZoneInfo("Europe/Paris")


def main() -> None:
    """The same cells as the feed's; no position, no folder and no commit."""
    brokers, topic, size = arguments()
    given = Task(brokers, topic, int(size), {})
    consumer = consumer_of(given, **{"enable.auto.commit": False})
    first = first_message(consumer)

    def write() -> int:
        with tempfile.TemporaryFile("w+", encoding="utf-8") as file:
            for message in messages(consumer, first, given.size):
                value = json.loads(message.value())
                moment = datetime.fromtimestamp(value["dt"], _PARIS).replace(tzinfo=None)
                row = {"date_time": moment.isoformat(), "msg_offset": message.offset(), "partition": 0, "value": value}
                file.write(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n")
            file.seek(0)
            return sum(1 for _ in file)

    say(clocked(write))
    consumer.close()


if __name__ == "__main__":
    main()
