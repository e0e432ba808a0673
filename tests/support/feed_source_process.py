"""The source of a feed as a process of its own, which may kill itself between any two steps of its transactions.

    python -m tests.support.feed_source_process trends.toml feed.json NAME STEP POLLS

It kills itself at that step, counted from 1; 0: at none. A poll ends after so many; 0: never. It prints a line for each
commit, and the log in all detail.
"""

import json
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.harness import stack_settings
from ingest.feeds import source_runner
from ingest.feeds.declaration.model import Feed, NamedFeed
from ingest.kafka.transactions import Transactions

STEPS = ("begin", "_send", "_commit")
"""Methods of a transaction: one step is before each, and one behind it."""


class StepCounter:
    """Kills the process at a step."""

    def __init__(self, fatal: int) -> None:
        self._left = fatal

    def step(self) -> None:
        """One more step."""
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """A call between two steps."""

        def stepping(*arguments: Any, **named: Any) -> Any:
            self.step()
            result = call(*arguments, **named)
            self.step()
            return result

        return stepping


def start(
    settings_file: Path, feed: NamedFeed, step: int = 0, *, polls: int = 0, **variables: str
) -> "subprocess.Popen[str]":
    """The source of a feed in another process, with these variables of its environment."""
    declared = settings_file.with_name("feed.json")
    tables = feed.declaration.model_dump(mode="json", by_alias=True, exclude_unset=True)
    if "every" in tables["source"]:
        tables["source"]["every"] = f"{tables['source']['every']:.0f}s"
    declared.write_text(json.dumps(tables))
    return subprocess.Popen(
        [sys.executable, "-m", __name__, str(settings_file), str(declared), feed.name, str(step), str(polls)],
        env=stack_settings.environment(settings_file, **variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(
    settings_file: Path, feed: NamedFeed, step: int = 0, *, polls: int = 0, **variables: str
) -> "subprocess.CompletedProcess[str]":
    """The same, and how it ended."""
    process = start(settings_file, feed, step, polls=polls, **variables)
    try:
        out, talk = process.communicate(timeout=90)
    finally:
        process.kill()
    return subprocess.CompletedProcess(process.args, process.returncode, out, talk)


def main(settings_file: str, declared: str, name: str, step: str, polls: str) -> None:
    """See the module."""
    logging.basicConfig(level=logging.DEBUG)
    counter = StepCounter(int(step))
    for method in STEPS:
        setattr(Transactions, method, counter.around(getattr(Transactions, method)))
    feed = NamedFeed(name, Feed.model_validate_json(Path(declared).read_text()))
    settings = stack_settings.read(Path(settings_file))
    done = source_runner.run_source(
        settings,
        feed,
        threading.Event(),
        lambda committed: print(committed.counts.posts, flush=True),
        most_polls=int(polls) or None,
    )
    print("ended", done.counts.posts, done.counts.rejects)


if __name__ == "__main__":
    main(*sys.argv[1:])
