"""Rebuild a sink: empty it, and fill it again from the nearest place that has everything.

That is what its stage reads, or where Kafka no longer has the first records of its topic, another sink that keeps them.
"""

import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from batch_layer.sinks.contract import Place, Standing
from batch_layer.sinks.stages import FeedStage, make_stage, open_place
from config.errors import TrendsError
from config.settings import Settings
from ingest.feeds.declaration.model import ARCHIVE, Feed, NamedFeed
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
    """Records that no place has any more, at most. Of a topic they become gaps."""


def plan_rebuild(settings: Settings, feed: NamedFeed, sink: str) -> RebuildPlan:
    """Choose where the rows come from. Raises `UnavailableError` where a server does not answer."""
    stage = make_stage(settings, feed, sink)
    place, origin = open_place(settings, feed, sink), feed.declaration.sinks[sink].from_
    if origin == KAFKA:
        others = _readable(settings, feed, sink)
        return plan_from_topic(sink, place, first_offsets(settings.kafka, stage.topic), others)
    if origin == ARCHIVE:
        return RebuildPlan(sink, origin, _rows(place), 0)
    return plan_from_sink(sink, place, origin, open_place(settings, feed, origin))


def plan_from_topic(
    sink: str, place: Place, first: Mapping[int, int], others: Iterable[tuple[str, Place]]
) -> RebuildPlan:
    """A sink that reads Kafka, whose partitions begin at `first`: from there, or from another that has what is gone."""
    gone = sum(first.values())
    mine = {number: _offsets(place, number, end) for number, end in first.items()} if gone else {}
    for name, other in others if gone else ():
        if _has_everything(other, first, mine):
            return RebuildPlan(sink, name, _rows(place), 0)
    return RebuildPlan(sink, KAFKA, _rows(place), gone)


def plan_from_sink(sink: str, place: Place, origin: str, before: Place) -> RebuildPlan:
    """A sink that reads another one, which may have lost rows since then, by a rebuild of its own."""
    lost = 0
    for number, each in place.standings().items():
        there = len(_offsets(before, number, each.position))
        lost += max(0, each.kept + each.rejected + each.left_out - there)
    return RebuildPlan(sink, origin, _rows(place), lost)


def rebuild(settings: Settings, feed: NamedFeed, plan: RebuildPlan, stop: threading.Event) -> Standing:
    """Empty the sink and fill it; the sum of its partitions afterwards. No stage of it may run meanwhile."""
    place = open_place(settings, feed, plan.sink)
    place.clear()
    for reading in (_reading(feed, plan), feed):  # from another sink it has what Kafka lacks, and Kafka has the rest
        FeedStage(settings, reading, plan.sink).run(True, stop, lambda _: None)
        if plan.origin == feed.declaration.sinks[plan.sink].from_:
            break
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


def _readable(settings: Settings, feed: NamedFeed, sink: str) -> Iterator[tuple[str, Place]]:
    """The other sinks that the stage can read now."""
    for other in feed.declaration.sinks:
        if other != sink:
            place = open_place(settings, feed, other)
            try:
                place.intake(make_stage(settings, feed, sink)).close()
                place.standings()
            except TrendsError:
                continue
            yield other, place


def _has_everything(place: Place, first: Mapping[int, int], wanted: Mapping[int, set[int]]) -> bool:
    """Whether a sink has dealt with all that Kafka no longer has, lacks no offset, and keeps the wanted ones."""
    standings = place.standings()
    if any(each.gaps or each.left_out for each in standings.values()):
        return False
    behind = [number for number, end in first.items() if end and _position(standings, number) < end]
    return not behind and all(wanted[number] <= _offsets(place, number, end) for number, end in first.items())


def _position(standings: Mapping[int, Standing], partition: int) -> int:
    return standings[partition].position if partition in standings else 0


def _offsets(place: Place, partition: int, end: int) -> set[int]:
    """The offsets of the rows below an end, as far as rows have any and can be read."""
    try:
        return {offset for offset in place.offsets(partition) if offset < end} if end else set()
    except TrendsError as error:
        if error.retriable:
            raise
        return set()


def _rows(place: Place) -> int:
    return sum(each.kept for each in place.standings().values())
