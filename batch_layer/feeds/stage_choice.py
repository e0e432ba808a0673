"""Stage choice: what runs one sink of a feed: the loop of deliveries, or the registration of the archive's posts."""

from collections.abc import Callable
from threading import Event
from typing import Protocol

from batch_layer.sinks.stages import FeedStage
from config.errors import TrendsError
from config.settings import Settings
from ingest.feeds.declaration.model import ARCHIVE, NamedFeed
from ingest.hours import Millis, wall_clock


class RunningStage(Protocol):
    """One sink of a feed at work."""

    def run(self, until_drained: bool, stop: Event, report: Callable[[TrendsError | None], None]) -> None:
        """Work until `stop`, or until the sink has everything of now. `report` gets the reason of a wait, then None."""


def stage_to_run(  # noqa: PLR0913 - as `FeedStage`
    settings: Settings,
    feed: NamedFeed,
    sink: str,
    *,
    from_now: bool = False,
    now: Callable[[], Millis] = wall_clock,
    after_step: Callable[[str], None] = lambda _: None,
) -> RunningStage:
    """The stage of a sink. Raises `UsageError` where the feed's file says something that no stage can do."""
    if feed.declaration.sinks[sink].from_ == ARCHIVE:
        from batch_layer.sinks.hive.posts_table import PostsStage  # noqa: PLC0415 - loads the client of Hive

        return PostsStage(settings, feed, sink)
    return FeedStage(settings, feed, sink, from_now=from_now, now=now, after_step=after_step)
