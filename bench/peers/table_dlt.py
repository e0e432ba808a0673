"""dlt with its PostgreSQL destination: one run over all messages. Arguments: see `table_input.task`."""

import json
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import dlt

from bench.harness.subprocess_run import clocked, say
from bench.peers.table_input import consumer_of, first_message, messages, task

_PAGE = 5_000


def main() -> None:
    """Extract, normalize and load, with a primary key and without merging: the quickest of its ways."""
    given = task()
    consumer = consumer_of(given, **{"enable.auto.commit": False})
    login = given.login
    url = (
        f"postgresql://{login['user']}:{quote(login['password'], safe='')}@{login['host']}:{login['port']}"
        f"/{login['dbname']}"
    )
    columns = {"value": {"data_type": "json"}, "date_time": {"data_type": "timestamp"}}

    @dlt.resource(name="weather", columns=columns, write_disposition="append")  # type: ignore[untyped-decorator,unused-ignore]
    def weather() -> Iterator[list[dict[str, Any]]]:
        page = []
        for message in messages(consumer, first, given.size):
            value = json.loads(message.value())
            row = {"date_time": datetime.fromtimestamp(value["dt"], UTC), "msg_offset": message.offset()}
            page.append(row | {"partition": message.partition(), "value": value})
            if len(page) == _PAGE:
                yield page
                page = []
        yield page

    with tempfile.TemporaryDirectory() as folder:
        pipeline = dlt.pipeline(
            "weather", pipelines_dir=folder, destination=dlt.destinations.postgres(url), dataset_name="public"
        )
        first = first_message(consumer)
        say(clocked(lambda: pipeline.run(weather()) and given.size))
    consumer.close()


if __name__ == "__main__":
    main()
