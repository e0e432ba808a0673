"""A feed into files on HDFS: records of a topic as lines of JSON, against a bare loop that writes a local file."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from bench.harness import kafka
from bench.harness.feed_stage import deliver, place_of
from bench.harness.servers import sandbox, stack
from bench.harness.stack_settings import read
from bench.harness.subprocess_run import in_subprocess, peer
from bench.harness.trial import Bench, Contender, RunOptions, Trial
from bench.inputs.station_records import records

SERVERS = ("kafka", "namenode", "datanode", "mongo")


@contextmanager
def lines(options: RunOptions) -> Iterator[list[Contender]]:
    """Both read the same topic of one partition from its beginning; the clock begins with the first message."""
    with stack(options.state, SERVERS) as file, sandbox(file, options.state, kafka={"partitions": 1}) as source:
        topic = source.settings.kafka.posts
        kafka.fill(source.settings.kafka, ((topic, value, b"") for value in records(options.size)))
        yield [
            Contender("ours, folders by day", "exactly once", partial(_on_hdfs, file, options, topic)),
            Contender("a bare loop, one local file", "none", partial(_bare, file, options, topic), exact=False),
        ]


def _on_hdfs(stack_file: Path, options: RunOptions, topic: str) -> Trial:
    with sandbox(stack_file, options.state, keep=(topic,), kafka={"posts": topic}) as here:
        root = f"{Path(here.settings.hdfs.root).parent}/bench"
        table: dict[str, Any] = {"type": "hdfs", "root": root, "format": "json", "by": "day", "files": "weather"}
        ran = in_subprocess(deliver, here.file, topic, table).result
        there = list(place_of(here.settings, topic, table).offsets(0))
    wrong = abs(len(there) - options.size) + len(there) - len(set(there))
    return Trial(ran.seconds, options.size, ran.cpu_s, wrong, {"peak MB": ran.peak_mb})


def _bare(stack_file: Path, options: RunOptions, topic: str) -> Trial:
    brokers = read(stack_file).kafka.bootstrap
    ran = peer(Path(sys.executable), "lines_bare", brokers, topic, str(options.size))
    return Trial(ran.seconds, options.size, ran.cpu_s, abs(ran.result - options.size), {"peak MB": ran.peak_mb})


BENCHES = (Bench("feed-files", "Records of a topic as JSON on HDFS.", "records/s", (200_000,), lines),)
