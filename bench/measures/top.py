"""`trends top` as users type it, from the start of its process to its end, against a script that does the least."""

import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from batch_layer.rank import HourRanking, PostFields, rank_hour
from bench.harness.servers import sandbox, stack
from bench.harness.subprocess_run import ROOT, clocked
from bench.harness.trial import Bench, Contender, RunOptions, Trial
from bench.inputs import posts
from ingest.hours import Hour
from ingest.post import Post
from ingest.rule.hashtags import AS_IS
from serving.views.documents import BatchView, rank
from serving.views.store import Store

RUNS = 5
"""Of the process in one trial; the quickest counts, as disturbances can only add."""


@contextmanager
def contenders(options: RunOptions) -> Iterator[list[Contender]]:
    """Both ask for the busiest hour of real posts, published as the batch layer publishes it."""
    base = posts.sample(options.size) if options.sample else posts.recorded(options.data)
    hour, arrived = busiest(posts.copies(base, options.size))
    with stack(options.state, ("kafka", "namenode", "datanode", "mongo")) as file, sandbox(file, options.state) as here:
        ranked = rank_hour((PostFields(post.source, post.id, post.text, post.tags) for post in arrived), AS_IS, 1_000)
        with Store(here.settings.mongo) as store:
            store.publish_all([_view(hour, ranked)])
        wanted = rank(plain_count(arrived))[:10]
        environment = os.environ | {"TRENDS_CONFIG": str(here.file)}
        ours = [str(Path(sys.executable).with_name("trends")), "top", "--hour", str(hour), "--json"]
        mongo = here.settings.mongo
        script = str(ROOT / "bench" / "peers" / "top.py")
        peer = [sys.executable, script, mongo.uri.get_secret_value(), mongo.database, str(hour)]
        yield [
            Contender("trends top", "one snapshot, one layer an hour", partial(_ask, ours, environment, wanted)),
            Contender("a few lines of pymongo", "whatever is there", partial(_ask, peer, environment, wanted)),
        ]


def busiest(given: Iterator[Post]) -> tuple[Hour, list[Post]]:
    """The hour with most posts, and these."""
    hours: dict[Hour, list[Post]] = defaultdict(list)
    for post in given:
        hours[post.hour].append(post)
    return max(hours.items(), key=lambda item: len(item[1]))


def plain_count(given: Sequence[Post]) -> dict[str, int]:
    """Uses by tag, counted the plain way."""
    found: dict[str, int] = defaultdict(int)
    for use in posts.uses(given):
        found[use.tag] += 1
    return found


def _ask(command: list[str], environment: dict[str, str], wanted: list[tuple[str, int]]) -> Trial:
    runs = [clocked(partial(_output, command, environment)) for _ in range(RUNS)]
    quickest = min(runs, key=lambda ran: ran.seconds)
    answer: dict[str, Any] = json.loads(quickest.result)
    rows = answer["top"]
    wrong = sum((row["tag"], row["count"]) != each for row, each in zip(rows, wanted, strict=True))
    cpu_s = min(ran.cpu_s for ran in runs)
    return Trial(
        quickest.seconds,
        1,
        wrong=wrong,
        figures={"CPU ms": cpu_s * 1000, "slowest s": max(ran.seconds for ran in runs)},
    )


def _output(command: list[str], environment: dict[str, str]) -> str:
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=60).stdout


def _view(hour: Hour, ranked: HourRanking) -> BatchView:
    return BatchView(
        hour, ranked.rows, ranked.tied_beyond, ranked.uses, ranked.tags, ranked.posts,
        rule=AS_IS.version, run="bench", token=1, covered=(), complete=True, dirty=False, computed_at=hour.end_ms,
    )  # fmt: skip


BENCHES = (Bench("top", "The first ten of an hour, as a command.", "s", (60_000,), contenders),)
