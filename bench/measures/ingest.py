"""Ingest: recorded posts in a file to Kafka, in transactions, the rule included; and how soon a live post arrives."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

from confluent_kafka import Producer as KafkaProducer

from bench.harness import kafka
from bench.harness.delays import Delays
from bench.harness.servers import Sandbox, sandbox, stack
from bench.harness.stack_settings import read
from bench.harness.subprocess_run import Ran, clocked, in_subprocess
from bench.harness.trial import Bench, Contender, RunOptions, Trial
from bench.inputs import posts
from ingest.post import Post
from ingest.post_encoder import PostEncoder
from ingest.producer import Producer
from ingest.rule.hashtags import AS_IS
from ingest.sources.base import Batch, Cursor
from ingest.sources.files.post_files import PostFiles
from ingest.sources.formats.contract import Reading
from ingest.wire import encode

SERVERS = ("kafka", "namenode", "datanode", "mongo")
RATE = 500
"""Live posts a second."""
_EXACTLY = "exactly once, over restarts too"
_AT_LEAST = "at least once; a restart sends all of it again"


class _Input(NamedTuple):
    csv: Path
    posts: int
    uses: Counter[tuple[str, str]]


@contextmanager
def throughput(options: RunOptions) -> Iterator[list[Contender]]:
    """The same posts, from one CSV file; the bare loop sends the very bytes that ours sends, made beforehand."""
    base = posts.sample(options.size) if options.sample else posts.recorded(options.data)
    with stack(options.state, SERVERS) as file:
        path = options.state / "posts.csv"
        posts.write_csv(path, posts.copies(base, options.size))
        uses = Counter((use.hour, use.tag) for use in posts.uses(posts.copies(base, options.size)))
        given = _Input(path, options.size, uses)
        try:
            yield [
                Contender("ours", _EXACTLY, partial(_loaded, file, options.state, given, _ours)),
                Contender("a bare produce loop", _AT_LEAST, partial(_loaded, file, options.state, given, _bare)),
            ]
        finally:
            path.unlink()


def _loaded(stack_file: Path, state: Path, given: _Input, task: Callable[[Path, Path], Ran]) -> Trial:
    with sandbox(stack_file, state) as here:
        ran: Ran = in_subprocess(task, here.file, given.csv).result
        wrong = kafka.differing(kafka.counted(here.settings.kafka), given.uses)
        seen = Counter(message.key() for message in kafka.read_all(here.settings.kafka, here.settings.kafka.posts))
    wrong += given.posts - len(seen) + sum(times - 1 for times in seen.values())
    return Trial(ran.seconds, given.posts, ran.cpu_s, wrong, {"peak MB": ran.peak_mb})


def _ours(settings_file: Path, csv: Path) -> Ran:
    settings = read(settings_file)
    reading = Reading("x", _now, int(settings.archive.future_s * 1000), settings.ingest.keep_payload)
    with Producer(
        settings.kafka, settings.ingest, PostEncoder(settings.kafka, settings.ingest, AS_IS), "bench"
    ) as producer:
        return clocked(producer.run, PostFiles([str(csv)], reading), {}, threading.Event())


def _bare(settings_file: Path, csv: Path) -> Ran:
    settings = read(settings_file).kafka
    source = PostFiles([str(csv)], Reading("x", _now, 300_000, keep_payload=True))
    read_posts = [post for batch in source.batches({}, 10_000) for post in batch.items]
    messages: list[kafka.Bytes] = [(settings.posts, encode(post), post.id.encode()) for post in read_posts]
    messages += [(settings.hashtags, encode(use), use.tag.encode()) for use in posts.uses(read_posts)]
    producer = KafkaProducer(kafka.producer_config(settings))

    def loop() -> None:
        for message in messages:
            kafka.produce(producer, *message)
        producer.flush()

    return clocked(loop)


@contextmanager
def latency(options: RunOptions) -> Iterator[list[Contender]]:
    """Live posts at a fixed rate; a reader of committed messages tells how old each is on arrival."""
    base = posts.sample(1_000) if options.sample else posts.recorded(options.data)
    live = list(posts.copies(base, options.size))
    with stack(options.state, SERVERS) as file:
        yield [
            Contender("ours", _EXACTLY, partial(_live, file, options.state, live, _send_ours)),
            Contender("a bare produce loop", "at least once", partial(_live, file, options.state, live, _send_bare)),
        ]


def _live(stack_file: Path, state: Path, live: list[Post], send: "Callable[[Sandbox, _Live], None]") -> Trial:
    with sandbox(stack_file, state) as here, Delays(here.settings.kafka) as delays:
        source = _Live(live, here.settings.ingest.transaction_ms)
        ran = clocked(send, here, source)
        delays.await_all(source.made)
    seen = delays.milliseconds()
    figures = {"p50 ms": seen[len(seen) // 2], "p99 ms": seen[int(len(seen) * 0.99)]}
    return Trial(figures["p99 ms"] / 1000, len(seen), ran.cpu_s, len(live) - len(seen), figures)


class _Live:
    """A live source: makes posts in real time, each with the moment of its creation."""

    name = "bench"

    def __init__(self, live: list[Post], batch_ms: int) -> None:
        self._live, self._most = live, max(1, RATE * batch_ms // 1000)
        self.made: dict[str, float] = {}
        """The moment at which it made each post, by the post's id."""

    def batches(self, cursor: Cursor, most: int) -> Iterator[Batch[Post]]:
        """See `Source`: a batch ends when its posts have waited for `ingest.transaction_ms`."""
        began = int(cursor.get("next", 0))
        at_once = min(most, self._most)
        for begin in range(began, len(self._live), at_once):
            yield Batch(list(self.posts(begin, begin + at_once)), [], {"next": begin + at_once})

    def posts(self, begin: int = 0, end: int | None = None) -> Iterator[Post]:
        """Some of the posts, each in its time."""
        due = time.perf_counter()
        for post in self._live[begin:end]:
            due += 1 / RATE
            time.sleep(max(0.0, due - time.perf_counter()))
            self.made[post.id] = time.perf_counter()
            yield post


def _send_ours(here: Sandbox, source: _Live) -> None:
    kafka, limits = here.settings.kafka, here.settings.ingest
    with Producer(kafka, limits, PostEncoder(kafka, limits, AS_IS), source.name) as producer:
        producer.run(source, {}, threading.Event())


def _send_bare(here: Sandbox, source: _Live) -> None:
    producer = KafkaProducer(kafka.producer_config(here.settings.kafka))
    for post in source.posts():
        kafka.produce(producer, here.settings.kafka.posts, encode(post), post.id.encode())
        producer.poll(0)
    producer.flush()


def _now() -> int:
    return time.time_ns() // 1_000_000


BENCHES = (
    Bench("ingest-file", "A file of posts to Kafka, the rule included.", "posts/s", (100_000, 1_000_000), throughput),
    Bench("ingest-live", f"From making a post to seeing it, p99, at {RATE} posts/s.", "s", (7_500,), latency),
)
