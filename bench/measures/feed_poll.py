"""A poll: CPU of one round over the stations of a city, from the request to the commit in Kafka."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import count
from pathlib import Path

from confluent_kafka import Producer
from requests import Session

from bench.harness import kafka
from bench.harness.servers import sandbox, stack
from bench.harness.stack_settings import read
from bench.harness.subprocess_run import in_subprocess
from bench.harness.trial import Bench, Contender, RunOptions, Trial
from ingest.feeds.declaration.catalog import Catalog
from ingest.feeds.declaration.model import NamedFeed
from ingest.feeds.demo.demo_api import demo_api, redirect_feed
from ingest.feeds.demo.velib_answers import STATIONS
from ingest.feeds.source_runner import run_source
from ingest.hours import Millis, wall_clock
from ingest.producer import Committed

FEED = "velib"
EVERY_S = 0.5
"""Between two polls."""
MINUTE_MS = 60_000
_PATH = "/exports/json"


@contextmanager
def polls(options: RunOptions) -> Iterator[list[Contender]]:
    """An API on loopback whose clock goes on by a minute an answer, so that a part of the stations has changed."""
    with stack(options.state, ("kafka", "namenode", "datanode", "mongo")) as file:
        yield [
            Contender(
                "ours, what has changed", "no record lost or twice", partial(_polled, file, options, _cpu_of_feed)
            ),
            Contender(
                "a loop that sends all of them", "none", partial(_polled, file, options, _cpu_of_loop), exact=False
            ),
        ]


def _polled(stack_file: Path, options: RunOptions, poll: Callable[[Path, str, int], tuple[float, int]]) -> Trial:
    with sandbox(stack_file, options.state, kafka={"partitions": 1}) as here, demo_api(FEED, 1, _clock()) as url:
        cpu_s, sent = in_subprocess(poll, here.file, url, options.size).result
        there = 0
        for _ in kafka.read_all(here.settings.kafka, here.settings.kafka.posts):
            there += 1
    return Trial(cpu_s, 1, wrong=abs(there - sent), figures={"stations": STATIONS, "sent a poll": sent / options.size})


def _clock() -> Callable[[], Millis]:
    """A clock of the API: it goes on with each answer, and ends before ours."""
    return partial(next, count(wall_clock() - 24 * 60 * MINUTE_MS, MINUTE_MS))


def _feed(settings_file: Path, url: str) -> NamedFeed:
    """The shipped feed, with a topic of the trial's own."""
    settings = read(settings_file)
    feed = redirect_feed(Catalog(settings, frozenset()).feed(FEED, {}), url, EVERY_S)
    topic = feed.declaration.topic
    if topic is None:
        raise LookupError("a feed that polls has a topic")
    own = topic.model_copy(update={"name": settings.kafka.posts})
    return feed._replace(declaration=feed.declaration.model_copy(update={"topic": own}))


def _cpu_of_feed(settings_file: Path, url: str, size: int) -> tuple[float, int]:
    """CPU seconds of a poll behind the first one, and how many records all of them have sent."""
    marks: list[float] = []

    def note(_: Committed) -> None:
        marks.append(time.process_time())

    done = run_source(
        read(settings_file), _feed(settings_file, url), threading.Event(), note, say=lambda _: None, most_polls=size
    )
    return (marks[-1] - marks[0]) / (size - 1), done.counts.posts


def _cpu_of_loop(settings_file: Path, url: str, size: int) -> tuple[float, int]:
    """The same of a request, `json` and a message a station."""
    settings = read(settings_file)
    producer = Producer(kafka.producer_config(settings.kafka))
    session, marks, sent = Session(), [], 0
    for _ in range(size):
        for station in session.get(f"{url}{_PATH}", timeout=10).json():
            kafka.produce(producer, settings.kafka.posts, json.dumps(station).encode(), station["stationcode"].encode())
            sent += 1
        producer.flush()
        marks.append(time.process_time())
        time.sleep(EVERY_S)
    return (marks[-1] - marks[0]) / (size - 1), sent


BENCHES = (Bench("feed-poll", "CPU of a poll of all stations of a city.", "s", (21,), polls),)
