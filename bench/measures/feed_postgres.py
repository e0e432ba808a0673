"""A feed into PostgreSQL: records of a topic as rows of a table, against what one would use in its place."""

import json
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

from psycopg import sql

from batch_layer.delivery.chunk import Bounds
from batch_layer.delivery.intake import Event
from batch_layer.delivery.runner import DeliveryRunner
from batch_layer.delivery.topic_intake import TopicIntake
from batch_layer.sinks.registry import kind_of
from batch_layer.sinks.stages import PACKET_BYTES, group_of, make_stage
from batch_layer.storage.postgres import connect
from bench.harness import kafka
from bench.harness.servers import Sandbox, sandbox, stack
from bench.harness.stack_settings import read
from bench.harness.subprocess_run import Ran, clocked, in_subprocess, peer
from bench.harness.trial import Bench, Contender, RunOptions, Trial
from bench.inputs.station_records import records
from config.settings.logins import postgres_login
from ingest.feeds.declaration.model import Feed, NamedFeed
from ingest.hours import wall_clock

SERVERS = ("kafka", "namenode", "datanode", "mongo", "postgres")
MOST_OF_TEXTBOOK = 5_000
"""Its rate does not depend on how many there are."""
PACKET = 10_000
_AT_LEAST = "at least once"
_COLUMNS = {
    "date_time": {"from": "dt", "type": "timestamp", "zone": "Europe/Paris"},
    "msg_offset": {"from": "$offset", "type": "bigint"},
    "partition": {"from": "$partition", "type": "int"},
    "value": {"from": "$value", "type": "json"},
}


class _Run(NamedTuple):
    """One contender: its name in `bench.peers`, empty for ours, and how many records it gets at most."""

    module: str
    python: Path
    most: int


@contextmanager
def rows(options: RunOptions) -> Iterator[list[Contender]]:
    """Everybody reads the same topic of one partition from its beginning; the clock begins with the first message."""
    python, others = Path(sys.executable), options.state / "peers" / "bin" / "python"
    ours, textbook = _Run("", python, options.size), _Run("table_textbook", python, MOST_OF_TEXTBOOK)
    quix, dlt = _Run("table_quixstreams", others, options.size), _Run("table_dlt", others, options.size)
    contenders = [
        ("ours", "exactly once, under any crash and any replay", ours, True),
        ("textbook, INSERT and COMMIT a row", "none: a timer commits offsets", textbook, False),
        ("quixstreams, PostgreSQL sink", _AT_LEAST, quix, False),
        ("dlt, PostgreSQL destination", f"{_AT_LEAST}, one run over all", dlt, False),
    ]
    with stack(options.state, SERVERS) as file, sandbox(file, options.state, kafka={"partitions": 1}) as source:
        topic = source.settings.kafka.posts
        kafka.fill(source.settings.kafka, ((topic, value, b"") for value in records(options.size)))
        yield [
            Contender(name, guarantee, partial(_filled, file, options, topic, run), exact=exact)
            for name, guarantee, run, exact in contenders
        ]


def _filled(stack_file: Path, options: RunOptions, topic: str, run: _Run) -> Trial:
    count = min(options.size, run.most)
    with sandbox(stack_file, options.state, keep=(topic,), kafka={"posts": topic}) as here, _database(here):
        if run.module:
            login = here.file.parent / "login.json"
            login.touch(mode=0o600)
            login.write_text(json.dumps(postgres_login(here.settings)))
            ran = peer(run.python, run.module, here.settings.kafka.bootstrap, topic, str(count), str(login))
        else:
            ran = in_subprocess(_ours, here.file, topic).result
        with connect(here.settings) as connection:
            (there,) = connection.execute("SELECT count(*) FROM weather").fetchone() or (0,)
    return Trial(ran.seconds, count, ran.cpu_s, abs(there - count), {"peak MB": ran.peak_mb})


def _ours(settings_file: Path, topic: str) -> Ran:
    """The stage as the process of a feed builds it, but for the intake, which notes when its first message came."""
    settings = read(settings_file)
    sink = {"type": "postgres", "table": "weather", "columns": _COLUMNS}
    declared = {"about": "A bench", "topic": {"name": topic}, "sinks": {"postgres": sink}}
    stage = make_stage(settings, NamedFeed("bench", Feed.model_validate(declared)), "postgres")
    intake = _Noted(settings.kafka, topic, group_of("bench", "postgres"))
    keeper = kind_of(stage.feed.declaration.sinks["postgres"]).make_sink(stage)
    runner = DeliveryRunner(topic, intake, keeper, Bounds(PACKET, PACKET_BYTES, 10_000), wall_clock)
    ran = clocked(runner.run, True, threading.Event())
    return ran._replace(seconds=time.perf_counter() - intake.began)


class _Noted(TopicIntake):
    """An intake that notes when its first message came."""

    began = 0.0

    def read(self) -> list[Event]:
        """See `Intake`."""
        events = super().read()
        if events and not self.began:
            self.began = time.perf_counter()
        return events


@contextmanager
def _database(here: Sandbox) -> Iterator[None]:
    name = sql.Identifier(here.settings.postgres.database)
    with connect(here.settings, "postgres", autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(name))
    try:
        yield
    finally:
        with connect(here.settings, "postgres", autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


BENCHES = (Bench("feed-postgres", "Records of a topic as rows of a table of PostgreSQL.", "rows/s", (200_000,), rows),)
