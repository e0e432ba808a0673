"""Rebuild a sink: empty it, and fill it again from the nearest place that has everything.

That is what its stage reads, or where Kafka no longer has the first records of its topic, another sink that keeps them.
"""

import threading
from dataclasses import dataclass

from batch_layer.sinks.contract import Standing
from batch_layer.sinks.stages import FeedStage, make_stage, open_place
from config.errors import TrendsError
from config.settings import Settings
from ingest.feeds.declaration.model import Feed, NamedFeed
from ingest.kafka.offsets import first_offsets

KAFKA = "kafka"


@dataclass(frozen=True)
class RebuildPlan:
    """What a rebuild would do."""

    sink: str
    origin: str
    """`kafka`, or the sink that fills it."""
    rows: int
    """Rows that the sink has now, and will lose first."""
    lost: int
    """Offsets that no place has any more: they become gaps."""


def plan_rebuild(settings: Settings, feed: NamedFeed, sink: str) -> RebuildPlan:
    """Choose where the rows come from. Raises `UnavailableError` where a server does not answer."""
    stage = make_stage(settings, feed, sink)
    rows = sum(each.kept for each in open_place(settings, feed, sink).standings().values())
    origin = feed.declaration.sinks[sink].from_
    if origin != KAFKA:
        return RebuildPlan(sink, origin, rows, 0)
    gone = sum(first_offsets(settings.kafka, stage.topic).values())
    if gone:
        for other in feed.declaration.sinks:
            if other != sink and _has_everything(settings, feed, other):
                return RebuildPlan(sink, other, rows, 0)
    return RebuildPlan(sink, KAFKA, rows, gone)


def rebuild(settings: Settings, feed: NamedFeed, plan: RebuildPlan, stop: threading.Event) -> Standing:
    """Empty the sink and fill it; the sum of its partitions afterwards. No stage of it may run meanwhile."""
    place = open_place(settings, feed, plan.sink)
    place.clear()
    FeedStage(settings, _reading(feed, plan), plan.sink).run(True, stop, lambda _: None)
    standings = place.standings().values()
    return Standing(
        position=sum(each.position for each in standings),
        kept=sum(each.kept for each in standings),
        rejected=sum(each.rejected for each in standings),
        left_out=sum(each.left_out for each in standings),
        gaps=tuple(gap for each in standings for gap in each.gaps),
        committed_at=max((each.committed_at or 0 for each in standings), default=None),
    )


def _reading(feed: NamedFeed, plan: RebuildPlan) -> NamedFeed:
    """The feed, with the sink behind another origin. Python fills it from a sink, for Spark reads Kafka alone."""
    table = feed.declaration.sinks[plan.sink]
    engine = {"engine": "python"} if hasattr(table, "engine") and plan.origin != KAFKA else {}
    table = table.model_copy(update={"from_": plan.origin, **engine})
    sinks = feed.declaration.sinks | {plan.sink: table}
    declaration: Feed = feed.declaration.model_copy(update={"sinks": sinks})
    return feed._replace(declaration=declaration)


def _has_everything(settings: Settings, feed: NamedFeed, sink: str) -> bool:
    """Whether another stage can read the sink, and it lacks no offset."""
    place = open_place(settings, feed, sink)
    try:
        place.intake(make_stage(settings, feed, sink))
        standings = place.standings()
    except TrendsError:
        return False
    return bool(standings) and not any(each.gaps or each.left_out for each in standings.values())
