"""A feed into Hive: how soon a SELECT sees a packet, against an INSERT for each row."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from batch_layer.sinks.stages import FeedStage
from batch_layer.storage.hive_server import HiveServer, identifier
from bench.harness import kafka
from bench.harness.feed_stage import database, feed_of
from bench.harness.servers import sandbox, stack
from bench.harness.trial import Bench, Contender, RunOptions, Trial
from bench.inputs.station_records import records
from config.errors import UnavailableError
from config.settings import Settings

SERVERS = ("kafka", "namenode", "datanode", "mongo", "postgres", "hive")
MOST_OF_INSERTS = 20
"""Each takes as long as the one before."""
LONGEST_S = 120.0


@contextmanager
def packets(options: RunOptions) -> Iterator[list[Contender]]:
    """The table is there, and the first packet in it: the clock runs from the last message of the second."""
    with stack(options.state, SERVERS) as file:
        yield [
            Contender("ours, a packet", "exactly once", partial(_packet, file, options)),
            Contender("INSERT a row", "none", partial(_inserts, file, options), exact=False),
        ]


def _packet(stack_file: Path, options: RunOptions) -> Trial:
    with sandbox(stack_file, options.state, kafka={"partitions": 1}) as here, _databases(here.settings) as hive:
        settings, size = here.settings, options.size
        topic = settings.kafka.posts
        packet = {"messages": size, "after": "60s"}
        feed = feed_of(topic, {"type": "hive", "table": "weather", "by": "day", "packet": packet})
        stop = threading.Event()
        stage = FeedStage(settings, feed, "sink")
        thread = threading.Thread(target=stage.run, args=(False, stop, lambda _: None))
        thread.start()
        try:
            values = list(records(2 * size))
            kafka.fill(settings.kafka, ((topic, value, b"") for value in values[:size]))
            _until(hive, size)
            kafka.fill(settings.kafka, ((topic, value, b"") for value in values[size:]))
            began = time.perf_counter()
            rows = _until(hive, 2 * size)
            seconds = time.perf_counter() - began
        finally:
            stop.set()
            thread.join()
    return Trial(seconds, size, wrong=abs(rows - 2 * size), figures={"visible s": seconds})


def _inserts(stack_file: Path, options: RunOptions) -> Trial:
    size = min(options.size, MOST_OF_INSERTS)
    with sandbox(stack_file, options.state) as here, _databases(here.settings) as hive:
        hive.execute("CREATE TABLE weather (n BIGINT, value STRING) STORED AS PARQUET")
        began = time.perf_counter()
        for number, value in enumerate(records(size)):
            hive.execute("INSERT INTO weather VALUES (%s, %s)", [number, value.decode()])
        seconds = time.perf_counter() - began
        rows = _count(hive)
    return Trial(seconds, size, wrong=abs(rows - size), figures={"visible s": seconds / size * options.size})


def _until(hive: HiveServer, rows: int) -> int:
    """Ask until the table has so many rows; how many it has."""
    deadline = time.monotonic() + LONGEST_S
    while (found := _count(hive)) < rows:
        if time.monotonic() > deadline:
            raise UnavailableError(f"{found:,} of {rows:,} rows within {LONGEST_S:.0f} s", where="Hive")
    return found


def _count(hive: HiveServer) -> int:
    if not hive.execute("SHOW TABLES LIKE 'weather'"):
        return 0
    ((found,),) = hive.execute("SELECT count(*) FROM weather")
    return int(found)


@contextmanager
def _databases(settings: Settings) -> Iterator[HiveServer]:
    """A session in a database of the trial's own."""
    name = identifier(settings.hive.database)
    with database(settings), HiveServer(settings, "default") as root:
        root.execute(f"CREATE DATABASE {name}")
        try:
            with HiveServer(settings) as hive:
                yield hive
        finally:
            root.execute(f"DROP DATABASE {name} CASCADE")


BENCHES = (Bench("feed-hive", "Rows of a topic until a SELECT in Hive sees them.", "rows/s", (1_000,), packets),)
