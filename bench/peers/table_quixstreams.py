"""quixstreams with its PostgreSQL sink. Arguments: see `table_input.task`."""

import time
import uuid
from typing import Any

from quixstreams import Application
from quixstreams.sinks.community.postgresql import PostgreSQLSink

from bench.harness.subprocess_run import clocked, say
from bench.peers.table_input import task


def main() -> None:
    """A dataframe from topic to sink; a checkpoint writes the rows and then commits the offsets."""
    given = task()
    login = given.login
    application = Application(
        broker_address=given.brokers,
        consumer_group=f"quix-{uuid.uuid4().hex}",
        auto_offset_reset="earliest",
        commit_every=10_000,
        consumer_extra_config={"isolation.level": "read_committed"},
        auto_create_topics=False,
        loglevel="WARNING",
    )
    sink = PostgreSQLSink(
        host=login["host"], port=int(login["port"]), dbname=login["dbname"], user=login["user"],
        password=login["password"], table_name="weather", schema_auto_update=True,
    )  # fmt: skip
    began: list[float] = []

    def row(value: dict[str, Any]) -> dict[str, Any]:
        if not began:
            began.append(time.perf_counter())
        return {"dt": value["dt"], "n": value["n"], "value": value}

    application.dataframe(application.topic(given.topic)).apply(row).sink(sink)
    ran = clocked(lambda: application.run(count=given.size, timeout=120))
    say(ran._replace(result=given.size, seconds=time.perf_counter() - began[0]))


if __name__ == "__main__":
    main()
