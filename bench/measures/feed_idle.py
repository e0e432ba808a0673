"""An idle feed: memory and CPU of its process while nothing comes."""

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import psutil

from batch_layer.sinks.stages import open_place
from bench.harness import kafka
from bench.harness.feed_stage import COLUMNS, database
from bench.harness.servers import sandbox, stack
from bench.harness.stack_settings import environment, write
from bench.harness.trial import Bench, Contender, RunOptions, Trial
from bench.inputs.station_records import records
from config.errors import TrendsError, UnavailableError
from config.settings import Settings
from ingest.feeds.declaration.load import FeedFile
from ingest.feeds.declaration.model import NamedFeed
from ingest.feeds.source_runner import topics_of
from ingest.kafka.topics import create_topics

RECORDS = 100
"""That it has delivered before it idles."""
STARTS_S = 240.0
LOOK_S = 0.2
_SINKS = {
    "postgres": {"type": "postgres", "table": "weather"},
    "hdfs": {"type": "hdfs", "format": "json", "by": "day"},
}


@contextmanager
def feeds(options: RunOptions) -> Iterator[list[Contender]]:
    """The process as `trends feed run` starts it, once each sink has the first records."""
    with stack(options.state, ("kafka", "namenode", "datanode", "mongo", "postgres")) as file:
        yield [
            Contender(f"a topic into {' and '.join(sinks)}", "", partial(_idle, file, options, sinks))
            for sinks in (["postgres"], ["postgres", "hdfs"])
        ]


def _idle(stack_file: Path, options: RunOptions, sinks: list[str]) -> Trial:
    with sandbox(stack_file, options.state) as here, database(here.settings):
        feed = _declare(here.file.parent, here.settings, sinks)
        topic = f"idle-{feed.name}"
        create_topics(here.settings.kafka, topics_of(here.settings, feed))
        kafka.fill(here.settings.kafka, ((topic, value, b"") for value in records(RECORDS)))
        command = [
            str(Path(sys.executable).with_name("trends")),
            "feed",
            "run",
            str(here.file.parent / f"{feed.name}.toml"),
        ]
        log = here.file.parent / "log"
        with log.open("wb") as said:
            process = subprocess.Popen(command, env=environment(here.file), stdout=said, stderr=said)
        try:
            kept = _until_delivered(here.settings, feed, process, log)
            cpu_s, pss_mb = _look(psutil.Process(process.pid), options.size)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(60)
    figures = {"PSS MB": pss_mb, "% of a core": cpu_s / options.size * 100}
    return Trial(cpu_s / options.size, 1, wrong=sum(abs(each - RECORDS) for each in kept), figures=figures)


def _declare(folder: Path, settings: Settings, sinks: list[str]) -> NamedFeed:
    """Write the feed's file."""
    name = f"bench_{uuid.uuid4().hex[:8]}"
    root = {"root": str(Path(settings.hdfs.root).with_name("bench"))}
    tables = {f"sinks.{sink}": _SINKS[sink] | (root if sink == "hdfs" else {}) for sink in sinks}
    columns = {f"sinks.{sink}.columns.{name}": column for sink in sinks for name, column in COLUMNS.items()}
    path = write(folder / f"{name}.toml", {"topic": {"name": f"idle-{name}"}, **tables, **columns})
    path.write_text(f'about = "A bench"\n{path.read_text()}')
    return FeedFile(path).feed({}, os.environ)


def _until_delivered(settings: Settings, feed: NamedFeed, process: subprocess.Popen[bytes], log: Path) -> list[int]:
    """Wait until each sink has every record; how many each has."""
    places = [open_place(settings, feed, sink) for sink in feed.declaration.sinks]
    deadline = time.monotonic() + STARTS_S
    while True:
        kept = [sum(standing.kept for standing in place.standings().values()) for place in places]
        if all(each >= RECORDS for each in kept):
            return kept
        if process.poll() is not None:
            raise TrendsError(log.read_text()[-600:], where="trends feed run")
        if time.monotonic() > deadline:
            raise UnavailableError(f"not delivered within {STARTS_S:.0f} s: {kept}", where="trends feed run")
        time.sleep(LOOK_S)


def _look(process: psutil.Process, seconds: int) -> tuple[float, float]:
    """CPU seconds of some seconds, and memory at their end; pages that processes share count by their part."""
    before = sum(process.cpu_times()[:2])
    time.sleep(seconds)
    return sum(process.cpu_times()[:2]) - before, process.memory_full_info().pss / 1e6


BENCHES = (Bench("feed-idle", "CPU seconds a second of a feed that has nothing to do.", "s", (30,), feeds),)
