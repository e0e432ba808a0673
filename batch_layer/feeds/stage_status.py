"""Stage status: how far each sink of a feed is, from the sinks' own data, and what its stage reported last.

position, kept, rejected, left out, gaps    from the sink (`Place.standings`)
behind                                      the end of what it reads, less the position
state, since, why                           the last report of the stage (`stage_reports.py`)
"""

from collections.abc import Mapping

from batch_layer.feeds.stage_model import StageStatus
from batch_layer.feeds.stage_reports import stage_name
from batch_layer.sinks.contract import RegisteredPlace, Standing
from batch_layer.sinks.stages import open_place
from config.errors import TrendsError
from config.quantity import quantity
from config.settings import Settings
from ingest.feeds.declaration.model import Feed, NamedFeed
from ingest.hours import Millis, iso
from ingest.kafka.offsets import ends
from ingest.kafka.reading import drained
from ingest.standings import NEVER, standings
from ingest.standings import Standing as Report

LOOK_S = 3.0
"""Longest wait for a server that only has to say what it knows."""


def stage_statuses(settings: Settings, feed: NamedFeed, now: Millis) -> list[StageStatus]:
    """Each sink of a feed. A server that is down takes away the numbers of its own sinks only."""
    reports = {each.name: each for each in _reports(settings)}
    held: dict[str, Mapping[int, Standing] | TrendsError] = {
        sink: _standings(settings, feed, sink) for sink in feed.declaration.sinks
    }
    found = []
    for sink, table in feed.declaration.sinks.items():
        report = reports.get(stage_name(feed.name, sink))
        state = NEVER if report is None else report.state_at(now)
        since = None if report is None else iso(report.state.since)
        why = "" if report is None else report.state.why
        has = held[sink]
        if isinstance(has, TrendsError):
            found.append(StageStatus(sink, table.type, state, since, why, error=str(has)))
            continue
        new = _unregistered(settings, feed, sink)
        if isinstance(new, TrendsError):
            why = why or f"files go on, and Hive hears of new days later: {new}"
        elif new:
            why = why or f"{quantity(new, 'folder')} not registered with Hive yet"
        last = max((each.committed_at for each in has.values() if each.committed_at is not None), default=None)
        found.append(
            StageStatus(
                sink,
                table.type,
                state,
                since,
                why,
                behind=_behind(settings, feed.declaration, sink, held),
                kept=sum(each.kept for each in has.values()),
                rejected=sum(each.rejected for each in has.values()),
                left_out=sum(each.left_out for each in has.values()),
                lost=sum(end - start for each in has.values() for start, end, _ in each.gaps),
                positions={number: each.position for number, each in sorted(has.items())},
                committed_at=None if last is None else iso(last),
                unregistered=None if isinstance(new, TrendsError) else new,
            )
        )
    return found


def _reports(settings: Settings) -> list[Report]:
    try:
        return standings(settings.kafka)
    except TrendsError:  # Kafka is away, or nothing has run yet and the topic of reports is not there
        return []


def _standings(settings: Settings, feed: NamedFeed, sink: str) -> Mapping[int, Standing] | TrendsError:
    try:
        return open_place(settings, feed, sink).standings()
    except TrendsError as error:
        return error


def _unregistered(settings: Settings, feed: NamedFeed, sink: str) -> int | TrendsError:
    """How many folders the sink has and its other server does not know, or why nobody can tell soon."""
    hasty = settings.model_copy(update={"hive": settings.hive.model_copy(update={"timeout_s": LOOK_S})})
    place = open_place(hasty, feed, sink)
    if not isinstance(place, RegisteredPlace):
        return 0
    try:
        return len(place.unregistered())
    except TrendsError as error:
        return error


def _behind(
    settings: Settings, feed: Feed, sink: str, held: Mapping[str, Mapping[int, Standing] | TrendsError]
) -> int | None:
    """How many records the stage lacks; None where what it reads does not answer."""
    has = held[sink]
    origin = feed.sinks[sink].from_
    if isinstance(has, TrendsError) or feed.topic is None:
        return None
    position = {number: each.position for number, each in has.items()}
    if origin in held:
        before = held[origin]
        if isinstance(before, TrendsError):
            return None
        return sum(rows_lacking(each, has.get(number)) for number, each in before.items())
    try:
        until = ends(settings.kafka, feed.topic.name)
        short = {number: position.get(number, 0) for number, end in until.items() if end > position.get(number, 0)}
        done = drained(settings.kafka, feed.topic.name, short)
    except TrendsError:
        return None
    return sum(until[number] - at for number, at in short.items() if number not in done)


def rows_lacking(before: Standing, has: Standing | None) -> int:
    """How many rows of a sink's partition a stage that reads it lacks: an upper bound, and 0 is exact.

    The offsets up to the sink's position are one bound, but rejects at its end are no rows. The rows that the stage has
    not counted are another, but it counts none of those that it skipped.
    """
    if has is None:
        return before.kept
    return max(0, min(before.position - has.position, before.kept - has.kept - has.rejected - has.left_out))
