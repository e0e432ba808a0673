"""Running a feed: the options of `trends feed run`, and what they make of a declaration."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from batch_layer.feeds.feed_process import FeedProcess
from batch_layer.feeds.parts import SOURCE, choose
from config.errors import UsageError
from config.quantity import quantity
from config.settings import Settings
from ingest.feeds.declaration.model import HttpSource, NamedFeed
from ingest.feeds.source_runner import run_source, topics_of
from ingest.kafka.topics import create_topics
from ingest.producer import Committed
from ingest.sources.status import REPORT_EVERY_S

_log = logging.getLogger(__name__)


class RunOptions(NamedTuple):
    """Options of a run."""

    only: Sequence[str] = ()
    """Parts to run; empty: all."""
    since: str | None = None
    """`position` or `now`; None: as the file says."""
    until_drained: bool = False
    polls: int | None = None
    keep_going: bool = False
    deliver: Callable[[str], None] | None = None
    """Gets a line for each message that the brokers have or refuse."""

    def parts(self, feed: NamedFeed) -> list[str]:
        """The parts to run. Raises `UsageError` for one that the feed does not have."""
        return choose(feed, self.only)


def run_feed(
    settings: Settings,
    feed: NamedFeed,
    options: RunOptions,
    stop: threading.Event,
) -> None:
    """Run the chosen parts until `stop`, or until they are drained. Raises the first error that ended a part."""
    parts = options.parts(feed)
    endless = isinstance(feed.declaration.source, HttpSource) and options.polls is None
    if options.until_drained and SOURCE in parts and endless:
        raise UsageError(
            "a poll never ends", where="--until-drained", next_step="Add --polls N, or --only with the sinks to drain"
        )

    create_topics(settings.kafka, topics_of(settings, feed))
    begin = partial(
        run_source, settings, feed, report=_log_commits(), deliver=options.deliver, most_polls=options.polls
    )
    process = FeedProcess(settings, feed, parts, begin, from_now=options.since == "now", keep_going=options.keep_going)
    if options.until_drained:
        process.drain(stop)
    else:
        process.run(stop)


def _log_commits() -> Callable[[Committed], None]:
    """Logs the first commit of the source, then at most one in `REPORT_EVERY_S`."""
    due = 0.0

    def log(committed: Committed) -> None:
        nonlocal due
        if time.monotonic() >= due:
            due = time.monotonic() + REPORT_EVERY_S
            counts = committed.counts
            _log.info("%s and %s committed", quantity(counts.posts, "record"), quantity(counts.rejects, "reject"))

    return log
