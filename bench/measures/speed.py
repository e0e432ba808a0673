"""The speed path: uses on Kafka to counts in MongoDB. A live-like stream, a backlog of thin hours, and delays."""

import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

from bench.harness import kafka
from bench.harness.contender_runs import Pids, Running, Watch, our_topology, peer_process, textbook_topology
from bench.harness.probes import Probes
from bench.harness.process_tree import Tree
from bench.harness.servers import Sandbox, sandbox, stack
from bench.harness.trial import Bench, Contender, RunOptions, Trial
from bench.inputs import posts
from bench.peers.spark_jars import kafka_source
from ingest.hours import Hour
from ingest.post import Post
from ingest.wire import Use, encode

SERVERS = ("kafka", "namenode", "datanode", "mongo", "zookeeper", "nimbus", "supervisor")
RATE = 5_000
"""Live uses a second."""
MOST_OF_TEXTBOOK = 20_000
"""It would take hours for more; its rate does not depend on how many there are."""
LIVE_SINCE = Hour.parse("2026-01-05T06").start_ms
_AT_LEAST = "at least once"


@dataclass(frozen=True)
class _Uses:
    """So many uses, made anew each time."""

    base: Sequence[Post]
    size: int
    live: bool

    def some(self, count: int) -> Iterator[Use]:
        """The first of them. About half of the recorded posts use a hashtag."""
        many = posts.copies(self.base, 1_000 * (count + len(self.base)))
        stream = posts.live_like(many, 2 * self.size, LIVE_SINCE) if self.live else many
        return islice(posts.uses(stream), count)


@dataclass(frozen=True)
class _Topic:
    """A topic with messages, and a plain count of them."""

    name: str
    wanted: Counter[tuple[str, str]]


@contextmanager
def throughput(options: RunOptions, live: bool) -> Iterator[list[Contender]]:
    """Everybody reads the same topic from its beginning; the textbook one with fewer of the same uses."""
    base = posts.sample(60_000) if options.sample else posts.recorded(options.data)
    uses = _Uses(base, options.size, live)
    few = min(options.size, MOST_OF_TEXTBOOK)
    with (
        stack(options.state, SERVERS) as file,
        sandbox(file, options.state) as one,
        sandbox(file, options.state) as two,
    ):
        whole, short = _filled(one, uses, options.size), _filled(two, uses, few)
        yield [
            Contender(name, guarantee, partial(_counted, file, options.state, running, topic), exact=not at_least)
            for name, guarantee, running, at_least in runners(options.state)
            for topic in ([short] if name.startswith("textbook") else [whole])
        ]


def runners(state: Path) -> list[tuple[str, str, Running, bool]]:
    """Name, guarantee, how to run it, and whether it promises less than each use once."""
    ours, peers = Path(sys.executable), state / "peers" / "bin" / "python"
    spark = partial(_spark, python=ours, state=state)
    return [
        ("ours", "exactly once, under any single crash and any replay", our_topology, False),
        (
            "textbook topology, w: majority",
            f"{_AT_LEAST} while its spout lives",
            partial(textbook_topology, write_concern="majority"),
            True,
        ),
        (
            "textbook topology, w: 1",
            "may lose what is acknowledged",
            partial(textbook_topology, write_concern="1"),
            True,
        ),
        ("quixstreams, folding sink", _AT_LEAST, partial(peer_process, python=peers, module="speed_quixstreams"), True),
        (
            "bytewax, folding sink",
            f"{_AT_LEAST} with a recovery store; here without",
            partial(peer_process, python=peers, module="speed_bytewax"),
            True,
        ),
        ("Spark Structured Streaming, foreachBatch", "exactly once, by the batch's number", spark, False),
        ("a plain folding consumer", _AT_LEAST, partial(peer_process, python=ours, module="speed_plain"), True),
    ]


@contextmanager
def _spark(here: Sandbox, python: Path, state: Path) -> Iterator[Pids]:
    checkpoints = str(here.file.parent / "checkpoints")
    with peer_process(here, python, "speed_spark", checkpoints, kafka_source(state)) as pids:
        yield pids


def _filled(here: Sandbox, uses: _Uses, count: int) -> _Topic:
    topic = here.settings.kafka.hashtags
    kafka.fill(here.settings.kafka, ((topic, encode(use), use.tag.encode()) for use in uses.some(count)))
    return _Topic(topic, Counter((use.hour, use.tag) for use in uses.some(count)))


def _counted(stack_file: Path, state: Path, running: Running, topic: _Topic) -> Trial:
    with sandbox(stack_file, state, keep=(topic.name,), kafka={"hashtags": topic.name}) as here:
        watch = Watch(here.settings)
        with running(here) as pids:
            first = watch.first(pids)
            with Tree(pids()) as tree:
                seen = watch.all_of(topic.wanted.total(), first)
            wrong = kafka.differing(watch.counts(), topic.wanted)
        watch.close()
    figures = {"start s": seen.first_s, "peak MB": tree.peak_mb, "rows": len(topic.wanted)}
    return Trial(seen.seconds, seen.amount, tree.cpu_s, wrong, figures)


@contextmanager
def latency(options: RunOptions) -> Iterator[list[Contender]]:
    """Uses of this hour at a fixed rate; probes among them tell how soon a use becomes readable."""
    base = posts.sample(60_000) if options.sample else posts.recorded(options.data)
    with stack(options.state, SERVERS) as file:
        yield [
            Contender(
                name, guarantee, partial(_delays, file, options.state, running, base, options.size), exact=not at_least
            )
            for name, guarantee, running, at_least in runners(options.state)
            if not name.startswith("textbook")  # it can't take that many
        ]


def _delays(stack_file: Path, state: Path, running: Running, base: Sequence[Post], count: int) -> Trial:
    with sandbox(stack_file, state) as here, running(here) as pids:
        hour = str(Hour.of(time.time_ns() // 1_000_000))
        some = islice(posts.uses(posts.copies(base, 100 * count)), count)
        uses = [Use(use.tag, hour, use.post, use.source, use.shown) for use in some]
        probes = Probes(here.settings, hour)
        probes.warm(pids)
        with Tree(pids()) as tree:
            probes.send(uses, RATE)
            seen = probes.milliseconds()
        watch = Watch(here.settings)
        watch.all_of(probes.sent.total(), (0, 0.0))
        wrong = kafka.differing(watch.counts(), probes.sent)
        watch.close()
    figures = {"p50 ms": seen[len(seen) // 2], "p99 ms": seen[int(len(seen) * 0.99)], "peak MB": tree.peak_mb}
    return Trial(figures["p99 ms"] / 1000, count, tree.cpu_s, wrong, figures)


BENCHES = (
    Bench(
        "speed-live", "Uses of 3 hours on Kafka to counts.", "uses/s", (500_000, 2_000_000),
        partial(throughput, live=True),
    ),
    Bench(
        "speed-thin", "A backlog of more than 1,000 hours to counts.", "uses/s", (500_000, 2_000_000),
        partial(throughput, live=False),
    ),
    Bench("speed-delay", f"From produce to readable, p99, at {RATE:,} uses/s.", "s", (100_000,), latency),
)  # fmt: skip
