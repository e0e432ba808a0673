"""The full history: every archived post as ranked hours, by Spark and by its alternatives.

Each contender does it twice in one process: the first time everything is cold, the second time counts.
"""

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from batch_layer.archive.reading.ledger import Ledger, ledger_of
from batch_layer.plan import Span
from batch_layer.runner import BatchRunner
from bench.harness.process_tree import Tree
from bench.harness.servers import Sandbox, sandbox, stack
from bench.harness.stack_settings import read
from bench.harness.subprocess_run import clocked, in_subprocess, peer
from bench.harness.trial import Bench, Contender, RunOptions, Trial
from bench.inputs import posts
from bench.inputs.synthetic_archive import Counts, lay, local_copies, plain_counts
from bench.peers import history_textbook
from config.settings import Settings
from ingest.hours import Hour, wall_clock
from ingest.rule.hashtags import AS_IS
from serving.views.documents import HOURS, rank

SERVERS = ("kafka", "namenode", "datanode", "mongo")
TOP = 10
_REPEATED = "an hour's document is replaced whole, and by no older run"
_FILES = "none: it ends when it is done, or not"

_PLAIN = {"batch": {"kinds": (), "by_source": False}}
"""Settings of the work that the peers do, and no more."""

Tops = Mapping[str, Sequence[Sequence[Any]]]
"""For each hour its first tags with their counts."""


@contextmanager
def contenders(options: RunOptions) -> Iterator[list[Contender]]:
    """All read the same files; those that can't read HDFS read copies of them on the local disk."""
    base = posts.sample(60_000) if options.sample else posts.recorded(options.data)
    wanted = tops_of(plain_counts(base, options.size))
    with stack(options.state, SERVERS) as file, sandbox(file, options.state) as here:
        lay(here.settings, base, options.size)
        ledger = ledger_of(here.settings)
        with tempfile.TemporaryDirectory(dir=options.state) as folder:
            local_copies(ledger, Path(folder))
            python = options.state / "peers" / "bin" / "python"
            yield [
                Contender("ours", _REPEATED, partial(_spark, _ours, here, options.size, wanted, _PLAIN)),
                Contender(
                    "ours, with phrases and by source",
                    _REPEATED,
                    partial(_spark, _ours, here, options.size, wanted, {}),
                ),
                Contender(
                    "textbook Spark: binaryFiles, flatMap, window",
                    f"{_FILES}; no dedupe",
                    partial(_spark, _textbook, here, options.size, wanted, _urls(here.settings, ledger)),
                ),
                Contender(
                    "DuckDB, avro extension", _FILES, partial(_peer, python, "duckdb", folder, options.size, wanted)
                ),
                Contender("polars, jetliner", _FILES, partial(_peer, python, "jetliner", folder, options.size, wanted)),
                Contender("polars, fastavro", _FILES, partial(_peer, python, "fastavro", folder, options.size, wanted)),
            ]


def _spark(task: Callable[..., Any], here: Sandbox, count: int, wanted: Tops, given: Any) -> Trial:
    told = in_subprocess(task, here.file, given).result
    return judged(told, count, wanted)


def _peer(python: Path, reader: str, folder: str, count: int, wanted: Tops) -> Trial:
    module = "history_duckdb" if reader == "duckdb" else "history_polars"
    ran = peer(python, module, folder, reader)
    return judged(ran.result | {"cpu_s": ran.cpu_s, "peak_mb": ran.peak_mb}, count, wanted)


def judged(told: dict[str, Any], count: int, wanted: Tops) -> Trial:
    """A trial of a contender's result; hours whose first tags differ are wrong."""
    wrong = sum(list(map(tuple, told["tops"].get(hour, ()))) != top for hour, top in wanted.items())
    wrong += len(told["tops"].keys() - wanted.keys())
    figures = {"cold posts/s": count / told["cold_s"], "peak MB": told["peak_mb"]}
    if "session_s" in told:
        figures["session s"] = told["session_s"]
    return Trial(told["warm_s"], count, told["cpu_s"], wrong, figures)


def tops_of(counts: Counts) -> dict[str, list[tuple[str, int]]]:
    """The first tags of each hour, counted the plain way."""
    return {str(Hour(serial)): rank(tags)[:TOP] for serial, tags in counts.items()}


def _urls(settings: Settings, ledger: Ledger) -> list[str]:
    root = settings.hdfs.name_node.rstrip("/")
    return [root + part.path for hour in ledger.hours() for part in ledger.parts(hour)]


def _ours(settings_file: Path, sections: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The very path of `trends recompute --all`: plan, compute, publish."""
    settings = read(settings_file)
    changed = {name: getattr(settings, name).model_copy(update=values) for name, values in sections.items()}
    settings = settings.model_copy(update=changed)
    batch = BatchRunner(settings, lambda: AS_IS, wall_clock, lambda ledger: ledger.hours()[-1].plus(1))
    told = recomputed(batch)
    batch.close()
    return told


def recomputed(batch: BatchRunner) -> dict[str, Any]:
    """Everything twice, and the first tags of each hour as published."""
    posts = batch.plan_range(Span(None, None)).posts
    told, _ = _twice(lambda: batch.engine.session(posts), lambda: batch.run(batch.plan_range(Span(None, None))))
    fields = {"hour": True, "top": {"$slice": TOP}}
    tops = {
        each["hour"]: [(row["tag"], row["count"]) for row in each["top"]]
        for each in batch.store.collection(HOURS).find({"uses": {"$gt": 0}}, fields)
    }
    return told | {"tops": tops}


def _textbook(settings_file: Path, urls: Sequence[str]) -> dict[str, Any]:
    memory = read(settings_file).spark.driver_memory
    told, tops = _twice(lambda: history_textbook.session(memory), lambda: history_textbook.tops(urls))
    history_textbook.stop()
    return told | {"tops": tops}


def _twice(start: Callable[[], Any], run: Callable[[], Any]) -> tuple[dict[str, float], Any]:
    """Start, run cold, run warm: seconds of each, CPU of the last, the most memory of all, and the last result."""
    with Tree([os.getpid()]) as whole:
        session, cold = clocked(start), clocked(run)
        with Tree([os.getpid()]) as last:
            warm = clocked(run)
    told = {
        "session_s": session.seconds,
        "cold_s": cold.seconds,
        "warm_s": warm.seconds,
        "cpu_s": last.cpu_s,
        "peak_mb": whole.peak_mb,
    }
    return told, warm.result


BENCHES = (
    Bench(
        "history", "Every archived post as ranked hours, warm.", "posts/s", (100_000, 1_000_000, 5_000_000), contenders
    ),
)
