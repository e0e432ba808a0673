"""One hour in a warm session: from the scheduler finding it complete until the serving layer returns it as final.

The scheduler looks every `batch.every_s`; that wait is a setting, and not in the figure.
"""

import os
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from msgspec.structs import replace

from batch_layer.runner import BatchRunner
from bench.harness.process_tree import Tree
from bench.harness.servers import sandbox, stack
from bench.harness.subprocess_run import clocked
from bench.harness.trial import Bench, Contender, RunOptions, Trial
from bench.inputs import posts
from bench.inputs.archive_writer import ArchiveWriter
from config.settings import Settings
from ingest.hours import HOUR_MS, Hour
from ingest.post import Post
from ingest.rule.hashtags import AS_IS
from serving.answers.merge import View
from serving.query.query import Query

SERVERS = ("kafka", "namenode", "datanode", "mongo")
FIRST = Hour.parse("2026-01-05T06")
N = 10


@contextmanager
def contenders(options: RunOptions) -> Iterator[list[Contender]]:
    """Without phrases, and with those that the settings count where nobody says otherwise."""
    base = posts.sample(options.size) if options.sample else posts.recorded(options.data)
    hour = list(posts.copies(base, options.size))
    with stack(options.state, SERVERS) as file:
        none = {"kinds": [], "by_source": False}
        with sandbox(file, options.state, batch=none) as plain, sandbox(file, options.state) as whole:
            one, other = Hours(plain.settings, hour), Hours(whole.settings, hour)
            other.batch.engine = one.batch.engine  # a process has one Spark
            try:
                yield [
                    Contender("hashtags alone", "final: complete, each post once", one.trial),
                    Contender("hashtags and phrases", "final: complete, each post once", other.trial),
                ]
            finally:
                one.batch.close()
                other.batch.close()


class Hours:
    """An archive that gets an hour a trial, and a batch layer that is warm from the one before."""

    def __init__(self, settings: Settings, hour: list[Post]) -> None:
        self._archive, self._hour, self._next = ArchiveWriter(settings), hour, FIRST
        self.batch = BatchRunner(settings, lambda: AS_IS, lambda: time.time_ns() // 1_000_000, lambda _: self._next)

    def trial(self) -> Trial:
        """One hour more. The very first one warms the session."""
        if self._next == FIRST:
            self._add()
            self._computed()
        wanted = self._add()
        with Tree([os.getpid()]) as tree:
            ran = clocked(self._computed)
        found = {row.tag: row.count for row in ran.result.rows}
        first = dict(sorted(wanted.items(), key=lambda each: (-each[1], each[0]))[:N])
        wrong = int(found != first or ran.result.state != "final" or ran.result.posts != len(self._hour))
        return Trial(ran.seconds, len(self._hour), tree.cpu_s, wrong)

    def _add(self) -> Counter[str]:
        begins, each = self._next.start_ms, HOUR_MS / len(self._hour)
        written = [replace(post, created_at=begins + int(place * each)) for place, post in enumerate(self._hour)]
        self._archive.add(0, written)
        self._next = self._next.plus(1)
        return Counter(use.tag for use in posts.uses(written))

    def _computed(self) -> View:
        self.batch.run(self.batch.plan_missing())
        return Query(self.batch.store, "batch").hour(self._next.plus(-1), N)


BENCHES = (Bench("hour", "From complete to served, in a warm session.", "s", (10_000, 100_000), contenders),)
