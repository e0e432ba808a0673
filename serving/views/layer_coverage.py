"""Coverage: which hours each layer has, and how many of each state. MongoDB bounds and counts them by its indexes.

No question here reads an hour's document, so none takes longer for what a document holds, and none hands over more than
the hours that it names.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from pymongo import ASCENDING, DESCENDING

from ingest.hours import Hour
from serving.views.client import mongo_errors
from serving.views.documents import HASHTAGS, HOURS, LENSES, PHRASE_USES, USES, Lens, Origin, hour_id
from serving.views.snapshot import Snapshot

_AT_ONCE = 1_000
"""Ids in one question."""
Filter = dict[str, Any]

BY_STATE: list[Filter] = [
    {"$match": {"rule": {"$gte": ""}}},
    {"$group": {"_id": {name: f"${name}" for name in ("rule", "complete", "dirty")}, "hours": {"$sum": 1}}},
]
"""Counts batch documents by all that makes their state. The match lets an index answer alone."""


class States(NamedTuple):
    """How many hours have an answer, by its state."""

    live: int
    provisional: int
    final: int
    newest: Hour | None
    rules: dict[str, int]
    """Batch documents by the version of the rule that made them."""


class Extent(NamedTuple):
    """The first and the last hour that there is something of."""

    first: Hour
    last: Hour
    hours: int | None
    """How many hours; None where counting them would read them."""


def hours_between(snapshot: Snapshot, origin: Origin, lens: Lens, since: Hour, until: Hour) -> list[Hour]:
    """The hours of `[since, until)` that one layer may have something of through a lens, ascending."""
    bounds = {"hour": {"$gte": str(since), "$lt": str(until)}}
    with mongo_errors():
        found = {
            hour
            for name, wanted in _places(origin, lens)
            for hour in snapshot.collection(name).distinct("hour", wanted | bounds, session=snapshot.session)
        }
    return sorted(map(Hour.parse, found))


def finished_hours(snapshot: Snapshot, lens: Lens, most: int) -> list[Hour]:
    """The last hours that a run computed after they were complete, the newest first."""
    found: set[str] = set()
    with mongo_errors():
        for name, wanted in _places("batch", lens):
            complete = wanted | {"complete": True}
            one = snapshot.collection(name).find(complete, {"_id": False, "hour": True}, session=snapshot.session)
            found |= {each["hour"] for each in one.sort("hour", DESCENDING).limit(most)}
    return sorted(map(Hour.parse, found), reverse=True)[:most]


def newest(snapshot: Snapshot, origins: Sequence[Origin], lens: Lens) -> Hour | None:
    """The last hour that these layers have something of."""
    return _outermost(snapshot, origins, lens, DESCENDING)


def extent(snapshot: Snapshot, lens: Lens) -> Extent | None:
    """The extent of both layers through a lens; None without data."""
    origins: tuple[Origin, ...] = ("batch", "speed")
    first, last = (_outermost(snapshot, origins, lens, way) for way in (ASCENDING, DESCENDING))
    if first is None or last is None:
        return None
    hours = count_documents(snapshot) + len(_live(snapshot)) if lens == HASHTAGS else None
    return Extent(first, last, hours)


def states(snapshot: Snapshot) -> States:
    """How many hours have an answer of each state."""
    counts: Counter[bool] = Counter()
    rules: Counter[str] = Counter()
    with mongo_errors():
        for each in snapshot.collection(HOURS).aggregate(BY_STATE, session=snapshot.session):
            counts[each["_id"].get("complete") is True and each["_id"].get("dirty") is False] += each["hours"]
            rules[each["_id"]["rule"]] += each["hours"]
    last = newest(snapshot, ("batch", "speed"), HASHTAGS)
    return States(len(_live(snapshot)), counts[False], counts[True], last, dict(rules))


def _places(origin: Origin, lens: Lens) -> list[tuple[str, Filter]]:
    """The collections of a layer's hours of a lens, and a filter for each."""
    if origin == "speed":
        if lens.source is not None:
            return []
        return [(USES, {})] if lens == HASHTAGS else [(PHRASE_USES, {"kind": lens.kind})]
    if lens == HASHTAGS:
        return [(HOURS, {})]
    places: list[tuple[str, Filter]] = [(LENSES, {"kind": lens.kind, "source": lens.source})]
    if lens.source is not None:
        places.append(
            (HOURS, {"sources.0": lens.source, "sources.1": {"$exists": False}})
        )  # hours of this source alone
    return places


def _outermost(snapshot: Snapshot, origins: Sequence[Origin], lens: Lens, way: int) -> Hour | None:
    """The first or the last hour. Each query asks only for hours beyond the best so far."""
    best: Hour | None = None
    with mongo_errors():
        for name, wanted in (place for origin in origins for place in _places(origin, lens)):
            beyond = {} if best is None else {"hour": {"$gt" if way == DESCENDING else "$lt": str(best)}}
            one = snapshot.collection(name).find(
                wanted | beyond, {"_id": False, "hour": True}, session=snapshot.session
            )
            best = next((Hour.parse(each["hour"]) for each in one.sort("hour", way).limit(1)), best)
    return best


def count_documents(snapshot: Snapshot) -> int:
    """How many hours have a batch document."""
    stages: list[Filter] = [{"$match": {"hour": {"$gte": ""}}}, {"$count": "hours"}]
    with mongo_errors():
        return sum(each["hours"] for each in snapshot.collection(HOURS).aggregate(stages, session=snapshot.session))


def _live(snapshot: Snapshot) -> set[str]:
    """The hours of the speed layer alone. Their number does not grow with history."""
    with mongo_errors():
        hours: list[str] = snapshot.collection(USES).distinct("hour", session=snapshot.session)
        computed: set[str] = set()
        for at in range(0, len(hours), _AT_ONCE):
            ids = [hour_id(Hour.parse(hour)) for hour in hours[at : at + _AT_ONCE]]
            found = snapshot.collection(HOURS).find({"_id": {"$in": ids}}, {"hour": True}, session=snapshot.session)
            computed |= {each["hour"] for each in found}
    return set(hours) - computed
