"""Samples of posts: the share of the batch layer's work that they are, with and without them in the same run.

The figures are CPU seconds, user and system, of the driver, Spark's JVM and its Python workers, from the plan to the
published documents: other programs of the machine change them little, and wall time much.
"""

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

from batch_layer.archive.reading.ledger import Ledger
from batch_layer.plan import Span
from batch_layer.runner import BatchRunner
from bench.harness.process_tree import Tree
from bench.harness.servers import Sandbox, sandbox, stack
from bench.harness.subprocess_run import clocked
from bench.harness.trial import Bench, Contender, RunOptions, Trial
from bench.inputs import posts
from bench.inputs.synthetic_archive import lay
from bench.measures.hour import Hours
from config.settings import Settings
from ingest.hours import Hour
from ingest.post import Post
from ingest.rule.hashtags import AS_IS
from serving.views.documents import SAMPLES

SERVERS = ("kafka", "namenode", "datanode", "mongo")
CASES: Mapping[str, Mapping[str, Any]] = {
    "with samples": {},
    "without samples": {"sample_posts": 0},
    "hashtags alone, with samples": {"kinds": [], "by_source": False},
    "hashtags alone, without samples": {"kinds": [], "by_source": False, "sample_posts": 0},
}
"""Settings of the batch layer. The first two count phrases too, as they do where nobody says otherwise."""
_EXACT = "each hour complete, each post once"


@contextmanager
def of_an_hour(options: RunOptions) -> Iterator[list[Contender]]:
    """One hour in a warm session."""
    hour = list(posts.copies(_base(options), options.size))
    with stack(options.state, SERVERS) as file, ExitStack() as open_ones:
        batches: dict[str, Hours] = {}
        for name, batch in CASES.items():
            here = open_ones.enter_context(sandbox(file, options.state, batch=dict(batch)))
            batches[name] = Hours(here.settings, hour)
            batches[name].batch.engine = next(iter(batches.values())).batch.engine  # a process has one Spark
            open_ones.callback(batches[name].batch.close)
        yield [Contender(name, _EXACT, partial(_in_cpu_seconds, each)) for name, each in batches.items()]


def _in_cpu_seconds(hours: Hours) -> Trial:
    trial = hours.trial()
    return replace(trial, seconds=trial.cpu_s or 0.0, figures={"wall s": trial.seconds})


@contextmanager
def of_a_history(options: RunOptions) -> Iterator[list[Contender]]:
    """All of a history of some thousand hours, as `trends recompute --all` computes it, in a warm session."""
    with stack(options.state, SERVERS) as file, sandbox(file, options.state) as here:
        lay(here.settings, _base(options), options.size)
        batches = {name: _batch(here, batch) for name, batch in CASES.items()}
        engine = next(iter(batches.values())).engine
        for each in batches.values():
            each.engine = engine
        try:
            yield [Contender(name, _EXACT, partial(_recomputed, each, options.size)) for name, each in batches.items()]
        finally:
            for each in batches.values():
                each.close()


def _batch(here: Sandbox, batch: Mapping[str, Any]) -> BatchRunner:
    changed = type(here.settings.batch).model_validate({**here.settings.batch.model_dump(), **batch})
    settings: Settings = here.settings.model_copy(update={"batch": changed})
    return BatchRunner(settings, lambda: AS_IS, lambda: time.time_ns() // 1_000_000, _after)


def _after(ledger: Ledger) -> Hour:
    return ledger.hours()[-1].plus(1)


def _recomputed(batch: BatchRunner, count: int) -> Trial:
    with Tree([os.getpid()]) as tree:
        ran = clocked(lambda: batch.run(batch.plan_range(Span(None, None)), resume=False))
    samples = batch.store.collection(SAMPLES)
    figures = {"wall s": ran.seconds, "hours": len(ran.result.hours), "documents": samples.count_documents({})}
    wanted = len(ran.result.hours) if batch.settings.batch.sample_posts else 0
    wrong = abs(samples.count_documents({"source": None}) - wanted) + abs(ran.result.posts - count)
    return Trial(tree.cpu_s, count, tree.cpu_s, wrong, figures)


def _base(options: RunOptions) -> list[Post]:
    return posts.sample(60_000) if options.sample else posts.recorded(options.data)


BENCHES = (
    Bench("samples", "CPU of one hour with and without samples of posts.", "s", (10_000, 50_000), of_an_hour),
    Bench(
        "samples-history", "CPU of a whole history with and without samples of posts.", "s", (100_000,), of_a_history
    ),
)
