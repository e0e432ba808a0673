"""LaneCommit: the transaction that counts uses, and the verdict on each lane update.

One transaction moves lanes from `since` to `next` *and* adds the uses, so the counts and the proof of counting are one
thing. The equality of `since` is fence and commit at once: the counted offsets of a lane form one chain of ranges, by
any number of writers. A replay, a zombie's update and a lost reply all match nothing. Since that alone proves nothing,
`commit_updates` then reads the lane itself.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Protocol

import pymongo
from pymongo import InsertOne, UpdateOne
from pymongo.client_session import ClientSession
from pymongo.errors import BulkWriteError
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from ingest.hours import Millis, moment_of
from serving.views.client import DUPLICATE_KEY, mongo_errors
from serving.views.documents import LANES, PHRASE_USES, PROGRESS, USES, use_id
from serving.views.store import Store
from speed_layer.lane_update import NO_LANE, LaneUpdate, parse_hour_of_kind
from speed_layer.lanes import progress_id

log = logging.getLogger(__name__)

_Write = InsertOne[dict[str, Any]] | UpdateOne


class Verdict(Enum):
    """The outcome of a lane update."""

    COUNTED = "counted"
    COUNTED_ALREADY = "counted already"
    REFUSED = "refused"
    """Its lane stands elsewhere: the spout must read the messages again."""


class LaneStore(Protocol):
    """The store of lanes and uses."""

    def commit(self, updates: Sequence[LaneUpdate]) -> bool:
        """Move every lane from `since` to `next` and add all uses; or, if any lane stands elsewhere, do nothing.

        True only if this call did it. False also if an earlier call did and its reply got lost.
        """

    def lane_next(self, update: LaneUpdate) -> int | None:
        """The next of the update's lane, by a majority read."""


def commit_updates(lanes: LaneStore, updates: Sequence[LaneUpdate]) -> list[Verdict]:
    """Commit updates: together if every lane occurs once and stands at `since`, else one by one in order."""
    if len(updates) > 1 and len({update.lane for update in updates}) == len(updates) and lanes.commit(updates):
        return [Verdict.COUNTED] * len(updates)
    return [_commit_one(lanes, update) for update in updates]


def _commit_one(lanes: LaneStore, update: LaneUpdate) -> Verdict:
    if lanes.commit([update]):
        return Verdict.COUNTED
    position = lanes.lane_next(update)
    return Verdict.COUNTED_ALREADY if position is not None and position >= update.next else Verdict.REFUSED


class _LaneElsewhereError(Exception):
    """Aborts the transaction."""


class _RowThereError(Exception):
    """Aborts the transaction: it inserts a row that exists."""


class MongoLanes:
    """The `LaneStore` in MongoDB. Raises `UnavailableError`; then an update may be counted or not."""

    def __init__(self, store: Store, topic: str, keep: timedelta, now: Callable[[], Millis]) -> None:
        self._store = store
        self._topic = topic
        self._keep = keep
        self._now = now

    def commit(self, updates: Sequence[LaneUpdate]) -> bool:
        """See `LaneStore`. The driver repeats transient failures, and a commit whose reply got lost.

        A new lane has no rows yet, as a rule, and an insert costs half of an upsert. So if most rows are of new lanes,
        the transaction inserts them. If one exists all the same, nothing was written, and a second try upserts all.
        """
        try:
            return self._commit(updates, inserting=_mostly_new(updates))
        except _RowThereError:
            return self._commit(updates, inserting=False)

    def _commit(self, updates: Sequence[LaneUpdate], inserting: bool) -> bool:
        with (
            mongo_errors(),
            pymongo.timeout(self._store.settings.timeout_s),
            self._store.client.start_session() as session,
        ):
            try:
                session.with_transaction(
                    lambda session: self._write(updates, inserting, session),
                    read_concern=ReadConcern("snapshot"),
                    write_concern=WriteConcern("majority"),
                )
            except _LaneElsewhereError:
                return False
        return True

    def lane_next(self, update: LaneUpdate) -> int | None:
        """See `LaneStore`."""
        with mongo_errors(), pymongo.timeout(self._store.settings.timeout_s):
            lane = self._store.collection(LANES).find_one({"_id": update.lane})
        return None if lane is None else int(lane["next"])

    def _write(self, updates: Sequence[LaneUpdate], inserting: bool, session: ClientSession) -> None:
        self._refuse_below_progress([update for update in updates if update.since == NO_LANE], session)
        expires = moment_of(self._now()) + self._keep
        with _duplicates_raise(_LaneElsewhereError):
            moved = self._write_all(LANES, [_move(update, expires) for update in updates], session)
        if moved != len(updates):
            raise _LaneElsewhereError
        rows: dict[str, list[_Write]] = {}
        for update in updates:
            name = USES if parse_hour_of_kind(update.hour)[1] is None else PHRASE_USES
            added = _inserts if inserting and update.since == NO_LANE else _upserts
            rows.setdefault(name, []).extend(added(update, expires))
        with _duplicates_raise(_RowThereError if inserting else _LaneElsewhereError):
            for name, writes in rows.items():
                self._write_all(name, writes, session)

    def _write_all(self, name: str, writes: Sequence[_Write], session: ClientSession) -> int:
        """Write inserts, then updates; how many documents the server inserted or matched.

        Each is a call of its own. A duplicate key ends the transaction on the server, and a write behind it fails as if
        it might succeed when tried again: the driver would repeat the transaction until its time is over.
        """
        count = 0
        for kind in (InsertOne, UpdateOne):
            if run := [write for write in writes if isinstance(write, kind)]:
                result = self._store.collection(name).bulk_write(run, ordered=False, session=session)
                count += result.inserted_count + result.matched_count
        return count

    def _refuse_below_progress(self, updates: Sequence[LaneUpdate], session: ClientSession) -> None:
        """A sweep removes lanes below progress: an update that would create such a lane again must not pass."""
        starts: dict[str, int] = {}
        for update in updates:
            name = progress_id(self._topic, update.partition, update.lineage)
            starts[name] = min(update.start, starts.get(name, update.start))
        if starts:
            documents = self._store.collection(PROGRESS).find({"_id": {"$in": list(starts)}}, session=session)
            if any(each["next"] > starts[each["_id"]] for each in documents):
                raise _LaneElsewhereError


@contextmanager
def _duplicates_raise(kind: type[Exception]) -> Iterator[None]:
    """Raise an error of this kind if duplicate keys, and nothing else, went wrong."""
    try:
        yield
    except BulkWriteError as error:
        if all(each["code"] == DUPLICATE_KEY for each in error.details["writeErrors"]):
            raise kind from None
        raise


def _mostly_new(updates: Sequence[LaneUpdate]) -> bool:
    """Whether most rows are of lanes that do not exist yet: some late uses among many others are not worth a try."""
    new = sum(len(update.counts) for update in updates if update.since == NO_LANE)
    return 2 * new > sum(len(update.counts) for update in updates)


def _move(update: LaneUpdate, expires: datetime) -> _Write:
    if update.since == NO_LANE:
        return InsertOne({"_id": update.lane, "next": update.next, "expires": expires})
    return UpdateOne({"_id": update.lane, "next": update.since}, {"$set": {"next": update.next, "expires": expires}})


def _inserts(update: LaneUpdate, expires: datetime) -> list[_Write]:
    return [
        InsertOne({"_id": row_id, **row, "count": update.counts[row["tag"]][0], "expires": expires})
        for row_id, row in _rows_of(update)
    ]


def _upserts(update: LaneUpdate, expires: datetime) -> list[_Write]:
    return [
        UpdateOne(
            {"_id": row_id},
            {"$inc": {"count": update.counts[row["tag"]][0]}, "$set": {"expires": expires}, "$setOnInsert": row},
            upsert=True,
        )
        for row_id, row in _rows_of(update)
    ]


def _rows_of(update: LaneUpdate) -> Iterator[tuple[str, dict[str, str]]]:
    """The `_id` of each row of an update, and the fields that never change."""
    hour, kind = parse_hour_of_kind(update.hour)
    of_kind = {} if kind is None else {"kind": kind}
    for tag, (_, shown) in update.counts.items():
        yield use_id(hour, tag, kind), {"hour": hour, "tag": tag, "shown": shown, "origin": "speed", **of_kind}
