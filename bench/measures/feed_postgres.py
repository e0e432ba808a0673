"""A feed into PostgreSQL: records of a topic as rows of a table, against what one would use in its place."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

from batch_layer.storage.postgres import connect
from bench.harness import kafka
from bench.harness.feed_stage import database, deliver
from bench.harness.servers import sandbox, stack
from bench.harness.subprocess_run import in_subprocess, peer
from bench.harness.trial import Bench, Contender, RunOptions, Trial
from bench.inputs.station_records import records
from config.settings.logins import postgres_login

SERVERS = ("kafka", "namenode", "datanode", "mongo", "postgres")
MOST_OF_TEXTBOOK = 5_000
"""Its rate does not depend on how many there are."""
_AT_LEAST = "at least once"
_TABLE = {"type": "postgres", "table": "weather"}


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
    with sandbox(stack_file, options.state, keep=(topic,), kafka={"posts": topic}) as here, database(here.settings):
        if run.module:
            login = here.file.parent / "login.json"
            login.touch(mode=0o600)
            login.write_text(json.dumps(postgres_login(here.settings)))
            ran = peer(run.python, run.module, here.settings.kafka.bootstrap, topic, str(count), str(login))
        else:
            ran = in_subprocess(deliver, here.file, topic, _TABLE).result
        with connect(here.settings) as connection:
            (there,) = connection.execute("SELECT count(*) FROM weather").fetchone() or (0,)
    return Trial(ran.seconds, count, ran.cpu_s, abs(there - count), {"peak MB": ran.peak_mb})


BENCHES = (Bench("feed-postgres", "Records of a topic as rows of a table of PostgreSQL.", "rows/s", (200_000,), rows),)
