"""Due: the hours that a run may have to compute, without a look at those that became final long ago.

An hour is due from the look that finds a post of it (`batch_layer.archive.reading.follower`) until a look finds its
document final. Further hours become due by a query of their own: documents that say that they are dirty or not
complete. So the time of a look depends on the work to do. `Trigger` takes all of history now and then, and finds
changes that no look can: a document that is gone, or that another one has replaced.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple, TypeVar

from pymongo import DeleteOne, UpdateOne

from batch_layer.archive.reading.follower import Follower
from batch_layer.archive.reading.history import known_offsets
from batch_layer.archive.reading.ledger import is_late
from batch_layer.plan import state_of
from ingest.hours import Hour
from serving.views.client import mongo_errors
from serving.views.documents import DUE_HOURS, HOURS, HourDocument, hour_id
from serving.views.store import Store

_AT_ONCE = 1_000
_T = TypeVar("_T")


class Due(NamedTuple):
    """Result of a look."""

    waiting: tuple[Hour, ...]
    """Complete, and not final, ascending: the hours of the next run."""
    late: tuple[Hour, ...]
    """Hours whose document does not say yet that it is dirty."""
    without: int
    """Hours that have posts and no document yet."""


class _Arrivals:
    """The arrivals of a due hour's posts, as `batch_layer.plan.ArchivedHours`."""

    def __init__(self, follower: Follower, arrivals: Mapping[str, int]) -> None:
        self._follower = follower
        self._arrivals = {int(partition): start for partition, start in arrivals.items()}

    def hours(self) -> list[Hour]:
        """Not known here."""
        return []

    def posts(self, hour: Hour) -> int:  # noqa: ARG002 - see `ArchivedHours`
        """Not known here."""
        return 0

    def late_since(self, hour: Hour, document: HourDocument) -> bool:  # noqa: ARG002 - it is the one hour's
        """See `History.late_since`, of the current archive: earlier ones get no posts any more."""
        known = known_offsets(document, [self._follower]).get(self._follower.origin.archive, ())
        return is_late(self._arrivals, known)

    def strange(self, document: HourDocument) -> set[str]:  # noqa: ARG002 - see `ArchivedHours`
        """Not asked here."""
        return set()


def look(store: Store, follower: Follower, until: Hour) -> Due:
    """The due hours of an archive, as of the last look. Those whose document is final are due no longer.

    `until` is the first hour that is not complete. Raises `UnavailableError`.
    """
    archive = follower.archive
    note_unsettled(store, archive)
    waiting: list[Hour] = []
    late: list[Hour] = []
    without = 0
    for some in _in_runs(_due(store, archive)):
        documents = _documents(store, [each["hour"] for each in some])
        without += len(some) - len(documents)
        settled = []
        for each in some:
            hour = Hour.parse(each["hour"])
            document = documents.get(each["hour"])
            state = state_of(hour, document, _Arrivals(follower, each.get("arrivals", {})))
            if state == "final":
                settled.append(each)
            elif hour < until:
                waiting.append(hour)
            if document is not None and state == "dirty" and not document["dirty"]:
                late.append(hour)
        _settle(store, settled)
    return Due(tuple(waiting), tuple(late), without)


def note_unsettled(store: Store, archive: str) -> None:
    """Make the hours due whose documents say that they are dirty or not complete: by hand, or by an early run."""
    with mongo_errors():
        found = store.collection(HOURS).find({"$or": [{"dirty": True}, {"complete": False}]}, {"hour": True})
        note(store, archive, (Hour.parse(each["hour"]) for each in found))


def note(store: Store, archive: str, hours: Iterable[Hour]) -> None:
    """Make hours due. Known arrivals of their posts stay."""
    for some in _in_runs(hours):
        notes = [
            UpdateOne(
                {"_id": f"{archive}|{hour}"}, {"$setOnInsert": {"archive": archive, "hour": str(hour)}}, upsert=True
            )
            for hour in some
        ]
        with mongo_errors():
            store.collection(DUE_HOURS).bulk_write(notes, ordered=False)


def _due(store: Store, archive: str) -> Iterator[dict[str, Any]]:
    with mongo_errors():
        yield from store.collection(DUE_HOURS).find({"archive": archive}).sort("hour")


def _documents(store: Store, hours: Sequence[str]) -> dict[str, HourDocument]:
    ids = [hour_id(Hour.parse(hour)) for hour in hours]
    with mongo_errors():
        found = store.collection(HOURS).find({"_id": {"$in": ids}}, {"top": False, "speed": False})
        return {each["hour"]: each for each in found}  # type: ignore[misc]


def _settle(store: Store, due: Sequence[dict[str, Any]]) -> None:
    """Forget due hours, unless a post came meanwhile."""
    gone = [DeleteOne({"_id": each["_id"], "arrivals": each.get("arrivals")}) for each in due]
    if gone:
        with mongo_errors():
            store.collection(DUE_HOURS).bulk_write(gone, ordered=False)


def _in_runs(items: Iterable[_T]) -> Iterator[list[_T]]:
    iterator = iter(items)
    while some := list(islice(iterator, _AT_ONCE)):
        yield some
